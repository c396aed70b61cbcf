// Linear layers.
import { defineOp, view } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { gemm } from './gemm.js'
import { sumMiddle } from './reduce.js'

const linearOp = defineOp({
  name: 'linear',
  optional: ['bias'],
  saves: ['x', 'weight'],
  shape({ x, weight, bias }: { x: Tensor; weight: Tensor; bias: Tensor | null }) {
    check(weight.shape.length === 2 && weight.shape[1] === x.shape[1], () => `linear: weight must be [out, ${x.shape[1]}], got ${formatShape(weight.shape)}`)
    check(!bias || (bias.shape.length === 1 && bias.shape[0] === weight.shape[0]), () => `linear: bias must be [${weight.shape[0]}], got ${formatShape(bias!.shape)}`)
    return { y: [x.shape[0], weight.shape[0]] }
  },
  forward({ x, weight, bias }, { y }) {
    const [M, N] = y.shape
    gemm({ a: x, w: weight, bias, y, M, N, K: x.shape[1], transposeW: true })
  },
  backward({ x, weight }, { y: dy }, { x: dx, weight: dWeight, bias: dBias }) {
    const [M, N] = dy.shape
    const K = x.shape[1]
    if (dx) gemm({ a: dy, w: weight, y: dx, M, N: K, K: N })
    if (dWeight) gemm({ a: dy, w: x, y: dWeight, M: N, N: K, K: M, transposeA: true })
    if (dBias) sumMiddle(dy, dBias, 1, M, N, 1)
  },
})

/** x · weightᵀ + bias over the last axis: x [..., in], weight [out, in], bias [out] or null. `torch.nn.functional.linear`. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  const inputs = x.shape[x.shape.length - 1]
  check(x.shape.length >= 1, () => `linear: needs x [..., in], got ${formatShape(x.shape)}`)
  const { y } = linearOp({ x: view(x, [x.size / inputs, inputs]), weight, bias }, {})
  return view(y, [...x.shape.slice(0, -1), weight.shape[0]])
}
