// Squeeze-excite: channels of an image scaled by a small network that sees the channels' means. Pool, both layers, gate
// and scale are three dispatches; so are the gradients, and one for the weights.
import { gpu } from '../gpu/gpu.js'
import { conv } from '../shaders.late.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { chunked } from './normalize.js'
import { checkImage } from './shape.js'

/** Options of {@link squeezeExcite}. */
export interface SqueezeExciteOptions {
  /** Between the two layers. Default 'relu'. */
  activation?: 'relu' | 'silu'
  /** Of the factors. Default 'sigmoid'. */
  gate?: 'sigmoid' | 'hardsigmoid'
}

interface Functions {
  SILU: boolean
  HARD: boolean
}

interface Inputs {
  x: Tensor
  w1: Tensor
  b1: Tensor
  w2: Tensor
  b2: Tensor
}

const squeezeExciteOp = /* @__PURE__ */ defineOp({
  name: 'squeezeExcite',
  dtypes: { x: FLOATS },
  auxiliary: ['means', 'hidden', 'gate'],
  saves: ['x', 'w1', 'w2', 'means', 'hidden', 'gate'],
  shape({ x, w1, b1, w2, b2 }: Inputs, _: Functions) {
    checkImage('squeezeExcite', x)
    const [n, , , c] = x.shape
    const s = b1.size
    for (const [name, t, shape] of [
      ['w1', w1, [1, 1, c, s]],
      ['b1', b1, [s]],
      ['w2', w2, [1, 1, s, c]],
      ['b2', b2, [c]],
    ] as const)
      check(
        sameShape(t.shape, shape),
        () => `squeezeExcite: ${name} must be ${formatShape(shape)}, got ${formatShape(t.shape)}`,
      )
    return { y: x.shape, means: [n, c], hidden: [n, s], gate: [n, c] }
  },
  forward({ x, w1, b1, w2, b2 }, { y, means, hidden, gate }, functions) {
    const { parts, sizes, size } = sums(x, null)
    gpu.run(
      conv.squeezeexcite_gate,
      { parts, w_in: w1, w_out: w2, inner: b1, outer: b2, wide: means, narrow: hidden, result: gate },
      { ...sizes, squeezed: b1.size },
      { groups: sizes.sets },
      { ...functions, BACKWARD: false },
    )
    gpu.run(conv.squeezeexcite_scale, { x, gate, shift: null, y }, sizes, size)
  },
  backward({ x, w1, w2, means, hidden, gate }, { y: dy }, { x: dx, ...d }, functions) {
    const { parts, sizes, size } = sums(x, dy)
    const like = (t: Tensor) => empty(t.shape, 'f32', 'squeezeExcite')
    const [dgate, dhidden, shift] = [gate, hidden, gate].map(like)
    const params = { ...sizes, images: sizes.sets, squeezed: hidden.shape[1] }
    gpu.run(
      conv.squeezeexcite_gate,
      { parts, w_in: w2, w_out: w1, inner: hidden, outer: gate, wide: dgate, narrow: dhidden, result: shift },
      params,
      { groups: sizes.sets },
      { ...functions, BACKWARD: true },
    )
    if (dx) gpu.run(conv.squeezeexcite_scale, { x: dy, gate, shift, y: dx }, sizes, size)
    const { w1: dw1 = like(w1), w2: dw2 = like(w2), b1: db1 = like(hidden), b2: db2 = like(gate) } = d
    gpu.run(
      conv.squeezeexcite_backward_weight,
      { means, hidden, dhidden, dgate, dw1, db1, dw2, db2 },
      params,
      { invocations: w1.size },
      functions,
    )
  },
})

/** Sums of x, or of x·dy, over chunks of each image's pixels. */
function sums(x: Tensor, dy: Tensor | null) {
  const { sizes, size } = chunked(x.shape, x.shape[0])
  const parts = empty([sizes.sets * sizes.chunks, sizes.channels], 'f32', 'squeezeExcite sums')
  gpu.run(conv.squeezeexcite_sums, { x, dy, parts }, sizes, size)
  return { parts, sizes, size }
}

/**
 * x · gate(activation(means·w1 + b1)·w2 + b2), where means are those of each channel over an image: x [N, H, W, C], w1
 * [1, 1, C, S], b1 [S], w2 [1, 1, S, C], b2 [C] → [N, H, W, C]. `torchvision.ops.SqueezeExcitation` (Hu et al. 2018).
 * @throws when shapes or options do not fit.
 */
export function squeezeExcite(
  x: Tensor,
  w1: Tensor,
  b1: Tensor,
  w2: Tensor,
  b2: Tensor,
  options: SqueezeExciteOptions = {},
): Tensor {
  checkOptions('squeezeExcite', options, ['activation', 'gate'])
  const { activation = 'relu', gate = 'sigmoid' } = options
  const functions = { SILU: activation === 'silu', HARD: gate === 'hardsigmoid' }
  check(
    (functions.SILU || activation === 'relu') && (functions.HARD || gate === 'sigmoid'),
    () =>
      'squeezeExcite: activation must be relu or silu, and gate sigmoid or hardsigmoid, ' +
      `got ${activation} and ${gate}`,
  )
  return squeezeExciteOp({ x, w1, b1, w2, b2 }, functions).y
}
