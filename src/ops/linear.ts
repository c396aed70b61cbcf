// Linear layers, alone and with gelu in the same kernel.
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { gradEnabled } from '../tensor/mode.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { type Shape, check, formatShape } from '../util/check.js'
import { operand, parameterAs } from './cast.js'
import { gemm } from './gemm.js'
import { sumMiddle } from './reduce.js'
import { type GeluOptions, unaryBackward } from './unary.js'

interface Inputs {
  x: Tensor
  weight: Tensor
  bias: Tensor | null
}

function shapeOf(name: string, { x, weight, bias }: Inputs): Shape {
  check(
    weight.shape.length === 2 && weight.shape[1] === x.shape[1],
    () => `${name}: weight must be [out, ${x.shape[1]}], got ${formatShape(weight.shape)}`,
  )
  check(
    !bias || (bias.shape.length === 1 && bias.shape[0] === weight.shape[0]),
    () => `${name}: bias must be [${weight.shape[0]}], got ${formatShape(bias!.shape)}`,
  )
  return [x.shape[0], weight.shape[0]]
}

function backward(
  { x, weight }: { x: Tensor; weight: Tensor },
  dy: Tensor,
  { x: dx, weight: dWeight, bias: dBias }: Partial<Record<keyof Inputs, Tensor>>,
) {
  const [M, N] = dy.shape
  const K = x.shape[1]
  if (dx) gemm({ a: dy, w: parameterAs(dy.dtype, weight), y: dx, M, N: K, K: N })
  if (dWeight) gemm({ a: dy, w: x, y: dWeight, M: N, N: K, K: M, transposeA: true })
  if (dBias) sumMiddle(dy, dBias, 1, M, N, 1)
}

const linearOp = defineOp({
  name: 'linear',
  dtypes: { x: FLOATS },
  optional: ['bias'],
  saves: ['x', 'weight'],
  shape: (inputs: Inputs) => ({ y: shapeOf('linear', inputs) }),
  forward({ x, weight, bias }, { y }) {
    const [M, N] = y.shape
    gemm({ a: x, w: parameterAs(x.dtype, weight), bias, y, M, N, K: x.shape[1], transposeW: true })
  },
  backward(saved, { y: dy }, wanted) {
    backward(saved, dy, wanted)
  },
})

const linearGeluOp = defineOp({
  name: 'linearGelu',
  dtypes: { x: FLOATS },
  optional: ['bias'],
  auxiliary: ['pre'],
  saves: ['x', 'weight', 'pre'],
  shape(inputs: Inputs, { differentiable }: { approximate: 'none' | 'tanh'; differentiable: boolean }) {
    const y = shapeOf('linearGelu', inputs)
    return { y, pre: { shape: differentiable ? y : [1], dtype: inputs.x.dtype } } // only a backward pass reads what went into gelu
  },
  forward({ x, weight, bias }, { y, pre }, { approximate, differentiable }) {
    const [M, N] = y.shape
    gemm({
      a: x,
      w: parameterAs(x.dtype, weight),
      bias,
      y,
      M,
      N,
      K: x.shape[1],
      transposeW: true,
      gelu: { approximate, pre: differentiable ? pre : null },
    })
  },
  backward({ pre, ...saved }, { y: dy }, wanted, { approximate }) {
    const dpre = empty(pre.shape, pre.dtype, 'gradient before gelu')
    unaryBackward(approximate === 'tanh' ? 'gelu_tanh' : 'gelu', pre, dy, dpre)
    backward(saved, dpre, wanted)
  },
})

/**
 * x · weightᵀ + bias over the last axis: x [..., in], weight [out, in], bias [out] or null.
 * `torch.nn.functional.linear`.
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const { y } = linearOp({ x: rows('linear', operand(x)), weight, bias }, {})
  return view(y, [...x.shape.slice(0, -1), weight.shape[0]])
}

/** gelu(linear(x, weight, bias)) in one kernel: the first half of a transformer's MLP. */
export function linearGelu(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  { approximate = 'none' }: GeluOptions = {},
): Tensor {
  check(
    approximate === 'none' || approximate === 'tanh',
    `linearGelu: approximate must be none or tanh, got ${approximate}`,
  )
  const differentiable = gradEnabled() && [x, weight, bias].some((t) => t?.requiresGrad)
  const { y } = linearGeluOp({ x: rows('linearGelu', operand(x)), weight, bias }, { approximate, differentiable })
  return view(y, [...x.shape.slice(0, -1), weight.shape[0]])
}

function rows(name: string, x: Tensor): Tensor {
  check(x.shape.length >= 1, () => `${name}: needs x [..., in], got ${formatShape(x.shape)}`)
  const inputs = x.shape[x.shape.length - 1]
  return view(x, [x.size / inputs, inputs])
}
