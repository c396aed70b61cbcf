// Choosing elements: by a condition, by a mask, by their place in a triangle.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { defineOp } from '../tensor/op.js'
import { Tensor, checkTensors, empty, zeros } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { checkOptions, checkWhole } from '../util/options.js'
import { type Operand, elements, operands } from './binary.js'
import { cast } from './cast.js'
import { MOVABLE } from './layout.js'
import { MAX_RANK, broadcastShapes } from './shape.js'
import { expand, sumTo } from './reduce.js'

function choose(condition: Tensor, a: Tensor, b: Tensor, y: Tensor): void {
  gpu.run(shaders.where, { condition, a, b, y }, elements(a, b, y), { invocations: y.size })
}

const whereOp = /* @__PURE__ */ defineOp({
  name: 'where',
  dtypes: { a: MOVABLE, b: MOVABLE },
  saves: ['condition'],
  shape: ({ condition }: { condition: Tensor; a: Tensor; b: Tensor }) => ({ y: condition.shape }),
  forward({ condition, a, b }, { y }) {
    choose(condition, a, b, y)
  },
  backward({ condition }, { y: dy }, wanted) {
    const zero = zeros([1], dy.dtype)
    const part = (shape: readonly number[], a: Tensor, b: Tensor) => {
      const chosen = empty(dy.shape, dy.dtype, 'gradient of where')
      choose(condition, a, b, chosen)
      return sumTo(chosen, shape)
    }
    return {
      ...(wanted.a && { a: part(wanted.a.shape, dy, zero) }),
      ...(wanted.b && { b: part(wanted.b.shape, zero, dy) }),
    }
  },
})

/**
 * a where `condition` is not 0, else b, all broadcast; NaN counts as not 0. a or b may be a number. Gradients flow to a
 * and b, each where it was taken. `torch.where`.
 * @throws when the shapes do not broadcast, or the dtypes of a and b differ.
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  return choice('where', condition, a, b)
}

function choice(name: string, condition: Tensor, a: Operand, b: Operand): Tensor {
  check(condition instanceof Tensor, () => `${name}: the condition must be a tensor, got ${condition}`)
  const both = operands(name, a, b)
  for (const which of ['a', 'b'] as const)
    check(both[which] instanceof Tensor, () => `${name}: '${which}' must be a tensor or a number, got ${both[which]}`)
  const shape = broadcastShapes(name, condition.shape, broadcastShapes(name, both.a.shape, both.b.shape))
  check(shape.length <= MAX_RANK, () => `${name}: at most ${MAX_RANK} axes, got ${formatShape(shape)}`)
  const mask = cast(condition.detach(), 'f32')
  return whereOp({ condition: sameShape(mask.shape, shape) ? mask : expand(mask, shape), ...both }, {}).y
}

/**
 * x with `value`, a number or a tensor of one element, where `mask` is not 0; the mask is broadcast. The gradient is 0
 * there. `torch.Tensor.masked_fill`.
 * @throws when the mask does not broadcast to x, or `value` is neither a number nor one element.
 */
export function maskedFill(x: Tensor, mask: Tensor, value: Operand): Tensor {
  checkTensors('maskedFill', { x })
  check(
    typeof value === 'number' || (value instanceof Tensor && value.size === 1),
    () => `maskedFill: value must be a number or a tensor of one element, got ${value}`,
  )
  return choice('maskedFill', mask, value, x)
}

interface Triangle {
  diagonal: number
  UPPER: boolean
}

function cut(x: Tensor, y: Tensor, { diagonal, UPPER }: Triangle): void {
  const [rows, columns] = x.shape.slice(-2)
  gpu.run(shaders.triangle, { x, y }, { n: x.size, rows, columns, diagonal }, { invocations: x.size }, { UPPER })
}

function triangle(name: string, UPPER: boolean) {
  const op = defineOp({
    name,
    dtypes: { x: MOVABLE },
    shape({ x }: { x: Tensor }, _: Triangle) {
      check(x.shape.length >= 2, () => `${name}: needs matrices [..., R, C], got ${formatShape(x.shape)}`)
      return { y: x.shape }
    },
    forward({ x }, { y }, attributes) {
      cut(x, y, attributes)
    },
    backward(_, { y: dy }, { x: dx }, attributes) {
      if (dx) cut(dy, dx, attributes)
    },
  })
  return (x: Tensor, options: { diagonal?: number } = {}): Tensor => {
    checkOptions(name, options, ['diagonal'])
    const { diagonal = 0 } = options
    checkWhole(name, { diagonal })
    return op({ x }, { diagonal, UPPER }).y
  }
}

/**
 * The lower triangle of every matrix of x [..., R, C], zeros elsewhere; up to `diagonal` columns right of the main
 * diagonal, default 0. `torch.tril`.
 * @throws unless x has matrices and the diagonal is a whole number.
 */
export const tril = /* @__PURE__ */ triangle('tril', false)

/**
 * The upper triangle, from `diagonal` columns right of the main diagonal on. `torch.triu`.
 * @throws as {@link tril}.
 */
export const triu = /* @__PURE__ */ triangle('triu', true)
