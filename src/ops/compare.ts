// Comparisons of two operands with NumPy broadcasting. There are no truth values on the GPU: 1 is true and 0 is false,
// in the dtype of what is compared, f32 for integers. So a mask can be counted with `sum`, multiplied with, or given to
// `where` and `maskedFill`. No gradient flows through.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { defineOp } from '../tensor/op.js'
import { type DType, Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { type Operand, elements, operands } from './binary.js'
import { cast } from './cast.js'
import { MAX_RANK, broadcastShapes } from './shape.js'

type Comparison = Constants<typeof shaders.compare>['COMPARE']

const COMPARABLE: readonly DType[] = ['f32', 'f16', 'i32', 'u32']

function comparison(COMPARE: Comparison): (a: Operand, b: Operand) => Tensor {
  const op = defineOp({
    name: COMPARE,
    dtypes: { a: COMPARABLE, b: COMPARABLE },
    shape({ a, b }: { a: Tensor; b: Tensor }) {
      const shape = broadcastShapes(COMPARE, a.shape, b.shape)
      check(shape.length <= MAX_RANK, () => `${COMPARE}: at most ${MAX_RANK} axes, got ${formatShape(shape)}`)
      return { y: { shape, dtype: a.dtype === 'f16' ? 'f16' : 'f32' } }
    },
    forward({ a, b }, { y }) {
      gpu.run(shaders.compare, { a, b, y }, elements(a, b, y), { invocations: y.size }, { COMPARE })
    },
  })
  // Bytes are compared as integers.
  const wide = (x: Operand) => (x instanceof Tensor && x.dtype === 'u8' ? cast(x, 'i32') : x)
  return (a, b) => op(operands(COMPARE, wide(a), wide(b)), {}).y
}

/**
 * 1 where a = b, else 0; one may be a number. `torch.eq`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast or dtypes differ.
 */
export const eq = /* @__PURE__ */ comparison('eq')
/**
 * 1 where a ≠ b, so also where one is NaN, else 0; one may be a number. `torch.ne`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast or dtypes differ.
 */
export const ne = /* @__PURE__ */ comparison('ne')
/**
 * 1 where a > b, else 0; one may be a number. `torch.gt`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast or dtypes differ.
 */
export const gt = /* @__PURE__ */ comparison('gt')
/**
 * 1 where a >= b, else 0; one may be a number. `torch.ge`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast or dtypes differ.
 */
export const ge = /* @__PURE__ */ comparison('ge')
/**
 * 1 where a < b, else 0; one may be a number. `torch.lt`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast or dtypes differ.
 */
export const lt = /* @__PURE__ */ comparison('lt')
/**
 * 1 where a <= b, else 0; one may be a number. `torch.le`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast or dtypes differ.
 */
export const le = /* @__PURE__ */ comparison('le')
/** As {@link eq}, but NaN is the same as NaN. */
export const same = /* @__PURE__ */ comparison('same')
