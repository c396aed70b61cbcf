// Between two bounds: numbers (shaders/lib/elementary.wgsl), or tensors.
import { defineOp, FLOATS } from '../tensor/op.js'
import { Tensor } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { checkNumbers, checkOptions } from '../util/options.js'
import { combine, maximum, mul, operands } from './binary.js'
import { ge, gt, le, lt } from './compare.js'
import { sumTo } from './reduce.js'
import { MAX_RANK, broadcastShapes } from './shape.js'
import { clampOf } from './unary.js'
import { where } from './where.js'

const NAME = 'clamp'

const clampOp = /* @__PURE__ */ defineOp({
  name: NAME,
  optional: ['min', 'max'],
  dtypes: { x: FLOATS, min: FLOATS, max: FLOATS },
  saves: ['x', 'min', 'max'],
  shape({ x, min, max }: { x: Tensor; min: Tensor | null; max: Tensor | null }) {
    const y = [min, max].reduce((shape, bound) => (bound ? broadcastShapes(NAME, shape, bound.shape) : shape), x.shape)
    check(y.length <= MAX_RANK, () => `${NAME}: at most ${MAX_RANK} axes, got ${formatShape(y)}`)
    return { y }
  },
  forward({ x, min, max }, { y }) {
    if (!min) return combine('minimum', x, max!, y)
    if (!max) return combine('maximum', x, min, y)
    combine('minimum', maximum(x.detach(), min.detach()), max, y)
  },
  backward({ x, min, max }, { y: dy }, wanted) {
    /** dy where a mask is 1. */
    const where1 = (mask: Tensor, { shape }: Tensor) => sumTo(where(mask, dy, 0), shape)
    const inside = [...(min ? [ge(x, min)] : []), ...(max ? [le(x, max)] : [])]
    return {
      ...(wanted.x && { x: where1(inside.reduce(mul), x) }),
      // Where min is above max, max is the result.
      ...(wanted.min && { min: where1(max ? mul(lt(x, min!), lt(min!, max)) : lt(x, min!), min!) }),
      ...(wanted.max && { max: where1(min ? maximum(gt(x, max!), lt(max!, min)) : gt(x, max!), max!) }),
    }
  },
})

/** Ends of {@link clamp}: one of them at least. */
export interface ClampOptions {
  /** What the result is not below: a number, or a tensor that broadcasts with x. Default: none. */
  min?: number | Tensor
  /** What the result is not above. Default: none. */
  max?: number | Tensor
}

/**
 * x, but not below `min` and not above `max`, of which one may be left out; max where min is above it. NaN stays NaN.
 * x has the gradient dy between the bounds, they included, and 0 outside, where a bound that is a tensor has it.
 * `torch.clamp`.
 * @throws when neither bound is given, or one is no number and no tensor.
 */
export function clamp(x: Tensor, options: ClampOptions): Tensor {
  checkOptions(NAME, options, ['min', 'max'])
  const { min, max } = options
  check(min !== undefined || max !== undefined, `${NAME}: needs min, max or both, got neither`)
  if (!(min instanceof Tensor) && !(max instanceof Tensor)) {
    const bounds = { min: min ?? -Infinity, max: max ?? Infinity }
    checkNumbers(NAME, bounds)
    return clampOf(x, { a: bounds.min, b: bounds.max })
  }
  const bound = (given: number | Tensor | undefined) => (given === undefined ? null : operands(NAME, x, given).b)
  return clampOp({ x, min: bound(min), max: bound(max) }, {}).y
}
