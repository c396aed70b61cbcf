// Measures of spread and size over axes: variance, standard deviation, norms, and the logarithm of sums of
// exponentials.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp, view } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { checkNumbers } from '../util/options.js'
import { add, sub } from './binary.js'
import { type Reduce, type ReduceOptions, dimsOf, folded, reducedShape, sum, sumMiddle } from './reduce.js'
import { amax } from './topk.js'
import { abs, clamp, exp, log } from './unary.js'

/** y [outer, inner] = scale · Σ (x - mean)² of x [outer, size, inner], or of x² alone; its root if `root`. */
const squaresOp = /* @__PURE__ */ defineOp({
  name: 'squares',
  dtypes: { x: FLOATS },
  auxiliary: ['mean'],
  saves: ['x', 'y', 'mean'],
  shape: ({ x }: { x: Tensor }, { centered }: Squares) => ({
    y: [x.shape[0], x.shape[2]],
    mean: centered ? [x.shape[0], x.shape[2]] : [1],
  }),
  forward({ x }, { y, mean }, { scale, centered, root }) {
    const [outer, size, inner] = x.shape
    if (centered) sumMiddle(x, mean, outer, size, inner, 1 / size)
    sumMiddle(x, y, outer, size, inner, scale, { squaredFrom: centered ? mean : null, root })
  },
  backward({ x, y, mean }, { y: dy }, { x: dx }, { scale, centered, root }) {
    if (!dx) return
    const [, size, inner] = x.shape
    gpu.run(
      shaders.deviation_backward,
      { x, center: centered ? mean : null, y, dy, dx },
      { n: x.size, size, inner, scale: root ? scale : 2 * scale },
      { invocations: x.size },
      { ROOT: root },
    )
  },
})

interface Squares {
  scale: number
  centered: boolean
  root: boolean
}

export interface VarOptions extends ReduceOptions {
  /** What is taken from the number of elements before dividing by it. Default 1. */
  correction?: number
}

function spread(name: string, x: Tensor, options: VarOptions | number | readonly number[], root: boolean): Tensor {
  const { dims, keepdim } = dimsOf(name, x, options, ['correction'])
  const { correction = 1 } = typeof options === 'object' ? (options as VarOptions) : {}
  checkNumbers(name, { correction })
  const rows = folded(x, dims)
  const scale = 1 / Math.max(0, rows.shape[1] - correction)
  return view(squaresOp({ x: rows }, { scale, centered: true, root }).y, reducedShape(x.shape, dims, keepdim))
}

/**
 * Variance over axes, given as to `sum`, divided by n - correction (default 1: NaN for one element). `torch.var`; named
 * `var_` inside, as `var` is a keyword.
 */
export function var_(x: Tensor, options: VarOptions | number | readonly number[] = {}): Tensor {
  return spread('var', x, options, false)
}

/** Standard deviation over axes, as `var`; the gradient of a deviation of 0 is 0. `torch.std`. */
export function std(x: Tensor, options: VarOptions | number | readonly number[] = {}): Tensor {
  return spread('std', x, options, true)
}

export interface NormOptions extends ReduceOptions {
  /** 1: the sum of |x|; 2, default: the root of the sum of squares; Infinity: the largest |x|. */
  p?: 1 | 2 | typeof Infinity
}

/** Norm over axes, given as to `sum`. The gradient of a norm of 0 is 0. `torch.norm`. */
export function norm(x: Tensor, options: NormOptions | number | readonly number[] = {}): Tensor {
  const { dims, keepdim } = dimsOf('norm', x, options, ['p'])
  const { p = 2 } = typeof options === 'object' ? (options as NormOptions) : {}
  check(p === 1 || p === 2 || p === Infinity, () => `norm: p must be 1, 2 or Infinity, got ${p}`)
  if (p === 1) return sum(abs(x), { dim: dims, keepdim })
  if (p === Infinity) return amax(abs(x), { dim: dims, keepdim })
  const { y } = squaresOp({ x: folded(x, dims) }, { scale: 1, centered: false, root: true })
  return view(y, reducedShape(x.shape, dims, keepdim))
}

/** log Σ eˣ over axes, given as to `sum`; the largest is taken out first. `torch.logsumexp`. */
export function logSumExp(x: Tensor, options: Reduce = {}): Tensor {
  const { dims, keepdim } = dimsOf('logSumExp', x, options)
  // A finite number, so that infinities stay what they are.
  const most = x.dtype === 'f16' ? 65504 : 3.4028234e38
  const largest = clamp(amax(x.detach(), { dim: dims, keepdim: true }), { min: -most, max: most })
  const y = add(log(sum(exp(sub(x, largest)), { dim: dims, keepdim: true })), largest)
  return view(y, reducedShape(x.shape, dims, keepdim))
}
