// Sums, differences, products and quotients with NumPy broadcasting; numbers as second operand.
import { gpu } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import type { Tensor } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { MAX_RANK, broadcastShapes, broadcastStrides, walk } from './shape.js'
import { sumTo } from './reduce.js'

type Operator = Constants<typeof shaders.binary_forward>['OP']

interface Gradients {
  a: () => Tensor
  b: () => Tensor
}

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

const affineOp = defineOp({
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

/** scale · x + offset with two numbers. An offset of -0 changes nothing, that of 0 the sign of -0. */
export function affine(x: Tensor, scale: number, offset: number): Tensor {
  return affineOp({ x }, { scale, offset, divide: false }).y
}

function binaryOp(name: Operator, gradients: (a: Tensor, b: Tensor, dy: Tensor) => Gradients) {
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
      if (sameShape(a.shape, b.shape)) {
        gpu.run(shaders.binary_forward, { a, b, y }, { n: y.size }, { elements: y.size }, { OP: name })
        return
      }
      const { vec4, params } = walk(y.shape, broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape))
      gpu.run(
        vec4 ? shaders.binary_broadcast_vec4 : shaders.binary_broadcast,
        { a, b, y },
        params,
        { invocations: params.n },
        { OP: name },
      )
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

const ops: Record<Operator, ReturnType<typeof binaryOp>> = {
  add: binaryOp('add', (_a, _b, dy) => ({ a: () => dy, b: () => dy })),
  sub: binaryOp('sub', (_a, _b, dy) => ({ a: () => dy, b: () => affine(dy, -1, -0) })),
  mul: binaryOp('mul', (a, b, dy) => ({ a: () => mul(dy, b), b: () => mul(dy, a) })),
  // a / b / b, as b² may be beyond f32.
  div: binaryOp('div', (a, b, dy) => ({ a: () => div(dy, b), b: () => affine(mul(dy, div(div(a, b), b)), -1, -0) })),
}

/** a + b, broadcast. `torch.add`. */
export function add(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === 'number' ? affine(a, 1, b) : ops.add({ a, b }, {}).y
}

/** a - b, broadcast. `torch.sub`. */
export function sub(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === 'number' ? affine(a, 1, -b) : ops.sub({ a, b }, {}).y
}

/** a · b elementwise, broadcast. `torch.mul`. */
export function mul(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === 'number' ? affine(a, b, -0) : ops.mul({ a, b }, {}).y
}

/** a / b elementwise, broadcast. `torch.div`. */
export function div(a: Tensor, b: Tensor | number): Tensor {
  return typeof b === 'number' ? affineOp({ x: a }, { scale: b, offset: -0, divide: true }).y : ops.div({ a, b }, {}).y
}
