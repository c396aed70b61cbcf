// Linear layers, alone and with an activation in the same kernel.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { differentiable } from '../tensor/mode.js'
import type { Activation, First } from '../tensor/tape.js'
import { type Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { type Shape, check, formatShape } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { operand, parameterAs } from './cast.js'
import { gemm } from './gemm.js'
import { sumMiddle } from './reduce.js'
import { checkActivation, unaryBackward } from './unary.js'

interface Inputs {
  x: Tensor
  weight: Tensor
  bias: Tensor | null
}

function shapeOf({ x, weight, bias }: Inputs): Shape {
  check(
    weight.shape.length === 2 && weight.shape[1] === x.shape[1],
    () => `linear: weight must be [out, ${x.shape[1]}], got ${formatShape(weight.shape)}`,
  )
  check(
    !bias || (bias.shape.length === 1 && bias.shape[0] === weight.shape[0]),
    () => `linear: bias must be [${weight.shape[0]}], got ${formatShape(bias!.shape)}`,
  )
  return [x.shape[0], weight.shape[0]]
}

function backward(
  { x, weight }: { x: Tensor; weight: Tensor },
  dy: Tensor,
  { x: dx, weight: dWeight, bias: dBias }: Partial<Record<keyof Inputs, Tensor>>,
  { made }: First,
) {
  const [M, N] = dy.shape
  const K = x.shape[1]
  const back = made && { activation: made.activation, gate: made.pre }
  if (dx) gemm({ a: dy, w: parameterAs(dy.dtype, weight), y: dx, M, N: K, K: N, ...back })
  if (dWeight) gemm({ a: dy, w: x, y: dWeight, aSums: dBias, M: N, N: K, K: M, transposeA: true })
  else if (dBias) sumMiddle(dy, dBias, 1, M, N, 1)
}

const linearOp = /* @__PURE__ */ defineOp({
  name: 'linear',
  dtypes: { x: FLOATS },
  optional: ['bias'],
  saves: ['x', 'weight'],
  shape: (inputs: Inputs) => ({ y: shapeOf(inputs) }),
  forward({ x, weight, bias }, { y }) {
    const [M, N] = y.shape
    gemm({ a: x, w: parameterAs(x.dtype, weight), bias, y, M, N, K: x.shape[1], transposeW: true })
  },
  fuses: 'activation',
  backward(saved, { y: dy }, wanted, _, first) {
    backward(saved, dy, wanted, first)
  },
})

/** With an activation in the same kernel: what goes into it is kept for the backward pass, if there will be one. */
const activatedLinearOp = /* @__PURE__ */ defineOp({
  name: 'linear',
  dtypes: { x: FLOATS },
  optional: ['bias'],
  auxiliary: ['pre'],
  saves: ['x', 'weight', 'pre'],
  shape(inputs: Inputs, { keep }: { activation: Exclude<Activation, 'none'>; keep: boolean }) {
    const y = shapeOf(inputs)
    return { y, pre: { shape: keep ? y : [1], dtype: inputs.x.dtype } }
  },
  forward({ x, weight, bias }, { y, pre }, { activation, keep }) {
    const [M, N] = y.shape
    const w = parameterAs(x.dtype, weight)
    gemm({ a: x, w, bias, y, M, N, K: x.shape[1], transposeW: true, activation, pre: keep ? pre : null })
  },
  fuses: 'activation',
  activation: ({ activation }) => activation,
  backward({ pre, ...saved }, { y: dy, pre: there }, wanted, { activation }, first) {
    let dpre = there
    if (dy) {
      dpre = empty(pre.shape, pre.dtype, 'gradient before activation')
      unaryBackward(activation, pre, dy, dpre)
      if (there) gpu.run(shaders.accumulate, { x: there, y: dpre }, { n: pre.size }, { elements: pre.size })
    }
    backward(saved, dpre, wanted, first)
  },
})

/** Options of {@link linear}. */
export interface LinearOptions {
  /** Applied to the result in the same kernel. Default 'none'. */
  activation?: Activation
}

/**
 * activation(x · weightᵀ + bias) over the last axis: x [..., in], weight [out, in], bias [out] or null.
 * `torch.nn.functional.linear`.
 * @throws when shapes do not fit, or there is no such activation.
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null, options: LinearOptions = {}): Tensor {
  checkOptions('linear', options, ['activation'])
  const { activation = 'none' } = options
  checkActivation('linear', activation)
  const inputs = { x: rows(operand(x)), weight, bias }
  const keep = differentiable(x, weight, bias)
  const { y } = activation === 'none' ? linearOp(inputs, {}) : activatedLinearOp(inputs, { activation, keep })
  return view(y, [...x.shape.slice(0, -1), weight.shape[0]])
}

function rows(x: Tensor): Tensor {
  checkTensors('linear', { x })
  check(x.shape.length >= 1, () => `linear: needs x [..., in], got ${formatShape(x.shape)}`)
  const inputs = x.shape[x.shape.length - 1]
  return view(x, [x.size / inputs, inputs])
}
