// From one dtype to another.
import { gpu } from '../gpu/gpu.js'
import { type Command, type Dispatch, type Recording, accesses } from '../gpu/recording.js'
import * as shaders from '../shaders.gen.js'
import { halvesOf } from '../tensor/arena.js'
import { autocasting } from '../tensor/mode.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type DType, RANGES, Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { check } from '../util/check.js'

const isFloat = (dtype: DType): dtype is 'f32' | 'f16' => FLOATS.includes(dtype)

function convert(x: Tensor, y: Tensor): void {
  const n = x.size
  const size = { elements: n }
  const to: DType = y.dtype
  if (x.dtype === 'u8') gpu.run(shaders.cast_from_u8, { x, y }, { n }, size)
  else if (isFloat(x.dtype) && !isFloat(to)) {
    const integers = to === 'u8' ? empty(y.shape, 'u32', 'cast') : y
    gpu.run(shaders.cast_to_integer, { x, y: integers }, { n, ...RANGES[to] }, size)
    if (integers !== y) gpu.run(shaders.cast_to_u8, { x: integers, y }, { n }, size)
  } else if (y.dtype === 'u8') gpu.run(shaders.cast_to_u8, { x, y }, { n }, size)
  else gpu.run(shaders.cast, { x, y }, { n }, size)
}

const castOp = defineOp({
  name: 'cast',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }, { dtype }: { dtype: DType }) => ({ y: { shape: x.shape, dtype } }),
  forward({ x }, { y }) {
    convert(x, y)
  },
  backward(_, { y: dy }, { x: dx }) {
    if (dx) convert(dy, dx)
  },
})

/** To or from integers: without gradient. */
const integerCastOp = defineOp({
  name: 'cast',
  dtypes: { x: ['f32', 'f16', 'i32', 'u32', 'u8'] },
  shape: ({ x }: { x: Tensor }, { dtype }: { dtype: DType }) => ({ y: { shape: x.shape, dtype } }),
  forward({ x }, { y }) {
    convert(x, y)
  },
})

/**
 * The same numbers in another dtype; x itself where it has that already. Floats round to nearest; integers too when
 * they become floats. Floats become integers towards zero; beyond the range they become its end, and NaN becomes 0
 * (PyTorch leaves both undefined). Integers among themselves wrap, as in PyTorch. The gradient goes back in x's dtype,
 * between floats only. `torch.Tensor.to`.
 * @throws for a dtype that there is not.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  checkTensors('cast', { x })
  if (x.dtype === dtype) return x
  check(isFloat(dtype) || dtype in RANGES, () => `cast: there is no dtype ${dtype}; it is f32, f16, i32, u32 or u8`)
  return (isFloat(x.dtype) && isFloat(dtype) ? castOp : integerCastOp)({ x }, { dtype }).y
}

Tensor.prototype.to = function (dtype) {
  return cast(this, dtype)
}

/** An operand of a product or a convolution: f16 inside `autocast`. */
export const operand = (x: Tensor): Tensor => (autocasting() ? cast(x, 'f16') : x)

/** The cast of a step's parameters that lie in one chunk of an arena, and what of it is cast. */
interface Rounding {
  command: Dispatch
  /** Its place in the recording: what is written after it is not in it. */
  at: number
  begin: number
  end: number
}

/** What {@link parameterAs} made in a step, by storage, version and shape, and the casts behind it, by chunk. */
const rounded = /* @__PURE__ */ new WeakMap<Recording, { known: Record<string, Tensor>; by: Map<object, Rounding> }>()

/**
 * An f32 parameter as the kernels want it beside activations of `dtype`: rounded to f16 for f16. Without a history, and
 * made once a step: the backward pass takes that of the forward pass.
 */
export function parameterAs(dtype: Tensor['dtype'], parameter: Tensor): Tensor {
  if (dtype === parameter.dtype) return parameter
  const { recording } = gpu
  if (!recording) return detached(parameter, dtype)
  const made = rounded.get(recording) ?? { known: {}, by: new Map<object, Rounding>() }
  rounded.set(recording, made)
  const { storage, shape } = parameter
  return (made.known[`${storage.id} ${storage.version} ${shape}`] ??=
    roundedWithOthers(parameter, dtype, recording, made.by) ?? detached(parameter, dtype))
}

/** All parameters of a chunk are rounded by the cast that the first of them began; null where that cannot be. */
function roundedWithOthers(
  { storage, shape }: Tensor,
  dtype: DType,
  { commands }: Recording,
  by: Map<object, Rounding>,
): Tensor | null {
  const { owner, offset, byteLength, buffer } = storage
  const place = halvesOf(storage, offset, offset + byteLength)
  if (!place) return null
  const before = by.get(owner!)
  const writes = (command: Command) =>
    accesses(command).written.some(
      (s) => s.buffer === buffer && s.offset < offset + byteLength && offset < s.offset + s.byteLength,
    )
  if (before && commands.slice(before.at).some(writes)) return null
  const begin = Math.min(before?.begin ?? offset, offset)
  const end = Math.max(before?.end ?? 0, offset + byteLength)
  const n = (end - begin) / 4
  const x = new Tensor(storage.slice(begin - offset, end - begin, 'parameters'), [n])
  convert(x, new Tensor(halvesOf(storage, begin, end)!, [n], dtype))
  if (before) {
    Object.assign(before.command, commands.pop())
    Object.assign(before, { begin, end })
  } else {
    const at = commands.length
    by.set(owner!, { command: commands[at - 1] as Dispatch, at, begin, end })
  }
  return new Tensor(place, shape, dtype)
}

function detached(x: Tensor, dtype: DType): Tensor {
  const y = empty(x.shape, dtype, 'rounded parameter')
  convert(x, y)
  return y
}
