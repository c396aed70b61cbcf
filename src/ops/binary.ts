// Sums, differences, products, quotients, maxima, minima and powers of two operands with NumPy broadcasting; one of
// them may be a number.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { Tensor, empty } from '../tensor/tensor.js'
import { check, formatShape, sameShape, shown } from '../util/check.js'
import { checkNumbers } from '../util/options.js'
import { filled } from './create.js'
import { MAX_RANK, broadcastShapes, broadcastStrides, walk } from './shape.js'
import { sumTo } from './reduce.js'
import { sqrt } from './unary.js'

type Operator = Constants<typeof shaders.binary_forward>['OP']

/** The gradients of a and b, each made when asked for. */
type Gradients = (a: Tensor, b: Tensor, dy: Tensor) => { a: () => Tensor; b: () => Tensor }

interface Affine {
  scale: number
  offset: number
  /** x / scale instead. */
  divide: boolean
}

/** A number as a normal f32 times a power of two: beyond f32's range an adapter would take it for 0 or infinity. */
function split(value: number): { scale: number; unit: number } {
  const size = Math.abs(value)
  if (size === 0 || !Number.isFinite(size)) return { scale: value, unit: 1 }
  const unit = size >= 2 ** 127 ? 2 ** 64 : size < 2 ** -126 ? 2 ** -64 : 1
  return { scale: value / unit, unit }
}

function affineInto(x: Tensor, y: Tensor, { scale, offset, divide: DIVIDE }: Affine): void {
  const params = { n: x.size, offset, ...split(scale) }
  gpu.run(shaders.affine_forward, { x, y }, params, { elements: x.size }, { DIVIDE })
}

const affineOp = /* @__PURE__ */ defineOp({
  name: 'affine',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }, _: Affine) => ({ y: x.shape }),
  forward({ x }, { y }, attrs) {
    affineInto(x, y, attrs)
  },
  backward(_, { y: dy }, { x: dx }, { scale, divide }) {
    if (scale === 1) return { x: dy }
    if (dx) affineInto(dy, dx, { scale, offset: -0, divide })
  },
})

/**
 * scale · x + offset with two numbers. An offset of -0 changes nothing, that of 0 the sign of -0.
 * @throws unless both are numbers.
 */
export function affine(x: Tensor, scale: number, offset: number): Tensor {
  checkNumbers('affine', { scale, offset })
  return scaled('affine', x, scale, offset)
}

const scaled = (name: string, x: Tensor, scale: number, offset: number, divide = false): Tensor =>
  affineOp({ x }, { scale, offset, divide }, name).y

/** y = a OP b, broadcast. */
export function combine(OP: Operator, a: Tensor, b: Tensor, y: Tensor): void {
  if (sameShape(a.shape, b.shape)) {
    gpu.run(shaders.binary_forward, { a, b, y }, { n: y.size }, { elements: y.size }, { OP })
    return
  }
  const { vec4, params } = walk(y.shape, broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape))
  gpu.run(
    vec4 ? shaders.binary_broadcast_vec4 : shaders.binary_broadcast,
    { a, b, y },
    params,
    { invocations: params.n },
    { OP },
  )
}

function binaryOp(name: string, run: (a: Tensor, b: Tensor, y: Tensor) => void, gradients: Gradients) {
  return defineOp({
    name,
    dtypes: { a: FLOATS, b: FLOATS },
    saves: ['a', 'b'],
    shape({ a, b }: { a: Tensor; b: Tensor }) {
      const y = broadcastShapes(name, a.shape, b.shape)
      check(y.length <= MAX_RANK, () => `${name}: at most ${MAX_RANK} axes, got ${formatShape(y)}`)
      return { y }
    },
    forward({ a, b }, { y }) {
      run(a, b, y)
    },
    backward({ a, b }, { y: dy }, wanted) {
      const g = gradients(a, b, dy)
      return {
        ...(wanted.a && { a: sumTo(g.a(), a.shape) }),
        ...(wanted.b && { b: sumTo(g.b(), b.shape) }),
      }
    },
  })
}

/** An operator of shaders/binary_forward.wgsl. */
const simpleOp = (OP: Operator, gradients: Gradients) => binaryOp(OP, (a, b, y) => combine(OP, a, b, y), gradients)

/** A walk over y's shape element by element, with the places of a and b. */
export const elements = (a: Tensor, b: Tensor, y: Tensor) =>
  walk(y.shape, broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape), { vectors: false }).params

/** Gradients, of a if `FIRST`, that a kernel computes from a, b and dy for each element of the result. */
function slopes(
  run: (
    bindings: Record<'a' | 'b' | 'dy' | 'dx', Tensor>,
    params: ReturnType<typeof elements>,
    size: { invocations: number },
    FIRST: boolean,
  ) => void,
): Gradients {
  return (a, b, dy) => {
    const by = (FIRST: boolean) => {
      const dx = empty(dy.shape, dy.dtype, 'gradient')
      run({ a, b, dy, dx }, elements(a, b, dy), { invocations: dy.size }, FIRST)
      return dx
    }
    return { a: () => by(true), b: () => by(false) }
  }
}

const extremeOp = (OP: Constants<typeof shaders.binary_backward>['OP']) =>
  simpleOp(
    OP,
    slopes((bindings, params, size, FIRST) => gpu.run(shaders.binary_backward, bindings, params, size, { OP, FIRST })),
  )

const addOp = /* @__PURE__ */ simpleOp('add', (_a, _b, dy) => ({ a: () => dy, b: () => dy }))
const subOp = /* @__PURE__ */ simpleOp('sub', (_a, _b, dy) => ({ a: () => dy, b: () => affine(dy, -1, -0) }))
const mulOp = /* @__PURE__ */ simpleOp('mul', (a, b, dy) => ({ a: () => mul(dy, b), b: () => mul(dy, a) }))
const divOp = /* @__PURE__ */ simpleOp('div', (a, b, dy) => ({
  a: () => div(dy, b),
  // a / b / b, as b² may be beyond f32.
  b: () => affine(mul(dy, div(div(a, b), b)), -1, -0),
}))
const maximumOp = /* @__PURE__ */ extremeOp('maximum')
const minimumOp = /* @__PURE__ */ extremeOp('minimum')
const powOp = /* @__PURE__ */ binaryOp(
  'pow',
  (a, b, y) => gpu.run(shaders.pow_forward, { a, b, y }, elements(a, b, y), { invocations: y.size }),
  /* @__PURE__ */ slopes((bindings, params, size, FIRST) =>
    gpu.run(shaders.pow_backward, bindings, params, size, { FIRST }),
  ),
)

/** A tensor, or one number for all elements. */
export type Operand = Tensor | number

/** Two operands as tensors: a number becomes one element of the other's dtype. */
export function operands(name: string, a: Operand, b: Operand): { a: Tensor; b: Tensor } {
  const like = a instanceof Tensor ? a : b
  check(like instanceof Tensor, () => `${name}: needs a tensor, got ${shown(a)} and ${shown(b)}`)
  const tensorOf = (operand: Operand) => (typeof operand === 'number' ? filled(name, [], operand, like.dtype) : operand)
  return { a: tensorOf(a), b: tensorOf(b) }
}

/**
 * a + b, broadcast; one may be a number. `torch.add`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast.
 */
export function add(a: Operand, b: Operand): Tensor {
  if (typeof b === 'number' && a instanceof Tensor) return scaled('add', a, 1, b)
  if (typeof a === 'number' && b instanceof Tensor) return scaled('add', b, 1, a)
  return addOp(operands('add', a, b), {}).y
}

/**
 * a - b, broadcast; one may be a number. `torch.sub`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast.
 */
export function sub(a: Operand, b: Operand): Tensor {
  if (typeof b === 'number' && a instanceof Tensor) return scaled('sub', a, 1, -b)
  if (typeof a === 'number' && b instanceof Tensor) return scaled('sub', b, -1, a)
  return subOp(operands('sub', a, b), {}).y
}

/**
 * a · b elementwise, broadcast; one may be a number. `torch.mul`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast.
 */
export function mul(a: Operand, b: Operand): Tensor {
  if (typeof b === 'number' && a instanceof Tensor) return scaled('mul', a, b, -0)
  if (typeof a === 'number' && b instanceof Tensor) return scaled('mul', b, a, -0)
  return mulOp(operands('mul', a, b), {}).y
}

/**
 * a / b elementwise, broadcast; one may be a number. `torch.div`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast.
 */
export function div(a: Operand, b: Operand): Tensor {
  if (typeof b === 'number' && a instanceof Tensor) return scaled('div', a, b, -0, true)
  return divOp(operands('div', a, b), {}).y
}

/**
 * The larger of a and b elementwise, broadcast; NaN if either is. Of a tie each gets half of the gradient. One may be a
 * number. `torch.maximum`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast.
 */
export function maximum(a: Operand, b: Operand): Tensor {
  return maximumOp(operands('maximum', a, b), {}).y
}

/**
 * The smaller of a and b, as {@link maximum}. `torch.minimum`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast.
 */
export function minimum(a: Operand, b: Operand): Tensor {
  return minimumOp(operands('minimum', a, b), {}).y
}

/**
 * a to the power of b elementwise, broadcast; one may be a number. Exact for whole exponents up to 16 where the result
 * is; NaN for a negative base with another exponent. Exponent 0.5 is {@link sqrt}, 2 is a · a. `torch.pow`.
 * @throws unless one of both is a tensor, and where shapes do not broadcast.
 */
export function pow(a: Operand, b: Operand): Tensor {
  if (a instanceof Tensor && b === 2) return mulOp({ a, b: a }, {}, 'pow').y
  if (a instanceof Tensor && b === 0.5) return sqrt(a)
  return powOp(operands('pow', a, b), {}).y
}
