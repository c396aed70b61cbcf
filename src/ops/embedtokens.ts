// Class token and position embeddings: what a Vision Transformer puts in front of its blocks.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors } from '../tensor/tensor.js'
import { check, formatShape } from '../util/check.js'
import { add } from './binary.js'
import { cast } from './cast.js'
import { cat } from './layout.js'
import { expand } from './reduce.js'

const embedTokensOp = /* @__PURE__ */ defineOp({
  name: 'embedTokens',
  optional: ['token'],
  dtypes: { patches: FLOATS },
  saves: ['token'],
  shape: ({ patches, position }: { patches: Tensor; token: Tensor | null; position: Tensor }) => ({
    y: [patches.shape[0], position.shape[1], position.shape[2]],
  }),
  forward({ patches, token, position }, { y }) {
    const [, tokens, width] = y.shape
    gpu.run(
      shaders.embedtokens_forward,
      { patches, token, position, y },
      { n: y.size / 4, tokens, width: width / 4 },
      { elements: y.size },
    )
  },
  backward({ token }, { y: dy }, { patches: dpatches = null, token: dtoken = null, position: dposition = null }) {
    const [batch, tokens, width] = dy.shape
    // A stand-in is only 256 bytes: what nobody wants is not written.
    gpu.run(
      shaders.embedtokens_backward,
      { dy, dpatches, dtoken, dposition },
      { batch, tokens, width: width / 4, prefix: token ? 1 : 0 },
      { elements: tokens * width },
    )
  },
})

/**
 * cat(token, patches) + position: patches [B, P, C], token [1, 1, C] or null, position [1, T, C] with T = P + 1, or P
 * without a token → [B, T, C]. The embeddings of Dosovitskiy et al. 2021 (timm's `_pos_embed`).
 * @throws when the shapes do not fit.
 */
export function embedTokens(patches: Tensor, token: Tensor | null, position: Tensor): Tensor {
  checkTensors('embedTokens', { patches, position }, { token })
  const [, P, C] = patches.shape
  const T = token ? P + 1 : P
  check(
    patches.shape.length === 3 && position.size === T * C && position.shape[1] === T && (!token || token.size === C),
    () =>
      `embedTokens: needs patches [B, P, C], token [1, 1, C] or null and position [1, ${T}, C], got ` +
      `${[patches, token, position].map((t) => (t ? formatShape(t.shape) : 'null')).join(', ')}`,
  )
  if (C % 4 === 0) return embedTokensOp({ patches, token, position }, {}).y
  return composedEmbedTokens(patches, token, position)
}

/** The same out of plain operators: for widths that are no multiple of four, and the twin in the tests. */
export function composedEmbedTokens(patches: Tensor, token: Tensor | null, position: Tensor): Tensor {
  const [B, , C] = patches.shape
  const all = cast(patches, 'f32')
  return cast(add(token ? cat([expand(token, [B, 1, C]), all], { dim: 1 }) : all, position), patches.element)
}
