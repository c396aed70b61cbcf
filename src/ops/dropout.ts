// Dropout of elements and of whole samples. The mask is a function of (seed, step, call, element): nothing is stored
// for the backward pass.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors, zeros } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkFlags, checkNumbers } from '../util/options.js'
import { add, mul } from './binary.js'
import { type Key, randomKey } from './randomkey.js'

/** One use of random numbers. */
export interface Draw {
  p: number
  key: Key
}

/** The next draw. */
export function draw(name: string, p: number): Draw {
  checkNumbers(name, { p }, 0, 1)
  return { p, key: randomKey() }
}

function drawFor(name: string, x: Tensor, p: number, training: boolean): Draw {
  checkTensors(name, { x })
  checkFlags(name, { training })
  return draw(name, p)
}

/** p and 1/(1-p), the factor of what is kept. */
export const kept = (p: number) => ({ p, scale: p < 1 ? 1 / (1 - p) : 0 })

function mask(x: Tensor, y: Tensor, { p, key }: Draw): void {
  gpu.run(shaders.dropout, { x, y }, () => ({ n: x.size, ...kept(p), ...key() }), { elements: x.size })
}

function maskSamples(x: Tensor, y: Tensor, { p, key }: Draw): void {
  const per_sample = x.size / x.shape[0]
  gpu.run(shaders.droppath, { x, y }, () => ({ n: x.size, per_sample, ...kept(p), ...key() }), { elements: x.size })
}

function define(name: string, run: typeof mask) {
  return defineOp({
    name,
    dtypes: { x: FLOATS },
    shape: ({ x }: { x: Tensor }, _: Draw) => ({ y: x.shape }),
    forward({ x }, { y }, attrs) {
      run(x, y, attrs)
    },
    backward(_, { y: dy }, { x: dx }, attrs) {
      if (dx) run(dy, dx, attrs)
    },
  })
}

const dropoutOp = define('dropout', mask)
const dropPathOp = define('dropPath', maskSamples)

/**
 * Zeroes elements with probability p and scales the rest by 1/(1-p) while training; otherwise x itself.
 * `torch.nn.functional.dropout`.
 * @throws unless `p` is within 0 … 1.
 */
export function dropout(x: Tensor, p = 0.5, training = true): Tensor {
  const attributes = drawFor('dropout', x, p, training)
  return training && p > 0 ? dropoutOp({ x }, attributes).y : x
}

/**
 * Zeroes whole samples (first axis) with probability p and scales the rest by 1/(1-p) while training; otherwise x
 * itself. Stochastic depth (Huang et al. 2016), timm's `drop_path`.
 * @throws unless `p` is within 0 … 1.
 */
export function dropPath(x: Tensor, p = 0, training = true): Tensor {
  const attributes = drawFor('dropPath', x, p, training)
  if (!training || p === 0) return x
  const samples = x.shape[0]
  check(samples, 'dropPath: needs samples [N, ...], got []')
  if ((x.size / samples) % 4 === 0) return dropPathOp({ x }, attributes).y
  const ones = add(zeros([samples, ...x.shape.slice(1).map(() => 1)], x.dtype), 1)
  return mul(x, dropoutOp({ x: ones }, attributes, 'dropPath').y)
}
