// Matrix products of batches.
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { Tensor } from '../tensor/tensor.js'
import { check, formatShape, numel } from '../util/check.js'
import { operand } from './cast.js'
import { gemm } from './gemm.js'
import { expand } from './reduce.js'
import { broadcastShapes } from './shape.js'

/**
 * a [Ba, M, K] · b [Bb, K, N] with Ba, Bb equal, or one of them 1; either transposed. The gradients are products of the
 * same kind.
 */
const matmulOp = /* @__PURE__ */ defineOp({
  name: 'matmul',
  dtypes: { a: FLOATS, b: FLOATS },
  saves: ['a', 'b'],
  shape({ a, b }: { a: Tensor; b: Tensor }) {
    return { y: [Math.max(a.shape[0], b.shape[0]), a.shape[1], b.shape[2]] }
  },
  forward({ a, b }, { y }) {
    const [batches, M, N] = y.shape
    gemm({ a, w: b, y, M, N, K: a.shape[2], batches, strideA: batchStride(a), strideW: batchStride(b) })
  },
  backward({ a, b }, { y: dy }, { a: da, b: db }) {
    const [batches, M, N] = dy.shape
    const K = a.shape[2]
    if (da)
      gemm({
        a: dy,
        w: b,
        y: da,
        M,
        N: K,
        K: N,
        batches,
        transposeW: true,
        strideA: batchStride(dy),
        strideW: batchStride(b),
      })
    if (db)
      gemm({
        a,
        w: dy,
        y: db,
        M: K,
        N,
        K: M,
        batches,
        transposeA: true,
        strideA: batchStride(a),
        strideW: batchStride(dy),
      })
  },
})

/** Floats from one matrix to the next; 0 repeats the only one. */
const batchStride = ({ shape }: Tensor) => (shape[0] === 1 ? 0 : shape[1] * shape[2])

/**
 * Matrix product: [..., M, K] · [..., K, N] → [..., M, N]; leading axes broadcast, a vector counts as a row on the left
 * and as a column on the right. `torch.matmul`.
 * @throws when the inner sizes differ, or the batches do not broadcast.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  check(a instanceof Tensor && b instanceof Tensor, () => `matmul: needs two tensors, got ${a} and ${b}`)
  check(
    a.shape.length >= 1 && b.shape.length >= 1,
    () => `matmul: needs at least one axis each, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
  )
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape
  const [M, K] = left.slice(-2)
  const [rows, N] = right.slice(-2)
  check(K === rows, () => `matmul: inner sizes must agree, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`)
  const lead = broadcastShapes('matmul', left.slice(0, -2), right.slice(0, -2))
  const batches = numel(lead)
  const y = matmulOp(
    { a: batch(view(operand(a), left), lead, batches), b: batch(view(operand(b), right), lead, batches) },
    {},
  ).y
  const shape = [...lead, ...(a.shape.length === 1 ? [] : [M]), ...(b.shape.length === 1 ? [] : [N])]
  return view(y, shape)
}

/** As [batches, rows, columns]; one matrix for all stays one, any other broadcast is written out. */
function batch(x: Tensor, lead: readonly number[], batches: number): Tensor {
  const own = numel(x.shape.slice(0, -2))
  const [rows, columns] = x.shape.slice(-2)
  if (own === batches) return view(x, [batches, rows, columns])
  return view(expand(x, [...lead, rows, columns]), [batches, rows, columns])
}
