// The names that libraries give a Vision Transformer's tensors, and the way between them. timm's are the model's own.
// Pure functions.
import { RadiogradError, check, formatShape, sameShape } from '../util/check.js'
import type { Late } from '../util/late.js'
import { type TensorData, toFloat32 } from './safetensors.js'

export type DialectName = 'timm' | 'huggingface' | 'torchvision'

type Tensors = ReadonlyMap<string, TensorData>

/** A library's way to write a Vision Transformer. */
export interface Dialect {
  /** For messages. */
  title: string
  /** Of its layerNorms. */
  eps: number
  /** Its name for each of timm's, or its three for queries, keys and values. `#` is a number, `*` weight or bias. */
  names: Readonly<Record<string, string | readonly [string, string, string]>>
}

const TIMM = [
  'cls_token',
  'pos_embed',
  'patch_embed.proj.*',
  'blocks.#.norm1.*',
  'blocks.#.attn.qkv.*',
  'blocks.#.attn.proj.*',
  'blocks.#.norm2.*',
  'blocks.#.mlp.fc1.*',
  'blocks.#.mlp.fc2.*',
  'norm.*',
  'fc_norm.*',
  'head.*',
]

const layer = 'vit.encoder.layer.#'
const block = 'encoder.layers.encoder_layer_#'

export const dialects: Readonly<Record<DialectName, Dialect>> = {
  timm: { title: 'timm', eps: 1e-6, names: Object.fromEntries(TIMM.map((name) => [name, name])) },
  huggingface: {
    title: 'Hugging Face',
    eps: 1e-12,
    names: {
      cls_token: 'vit.embeddings.cls_token',
      pos_embed: 'vit.embeddings.position_embeddings',
      'patch_embed.proj.*': 'vit.embeddings.patch_embeddings.projection.*',
      'blocks.#.norm1.*': `${layer}.layernorm_before.*`,
      'blocks.#.attn.qkv.*': [
        `${layer}.attention.attention.query.*`,
        `${layer}.attention.attention.key.*`,
        `${layer}.attention.attention.value.*`,
      ],
      'blocks.#.attn.proj.*': `${layer}.attention.output.dense.*`,
      'blocks.#.norm2.*': `${layer}.layernorm_after.*`,
      'blocks.#.mlp.fc1.*': `${layer}.intermediate.dense.*`,
      'blocks.#.mlp.fc2.*': `${layer}.output.dense.*`,
      'norm.*': 'vit.layernorm.*',
      'head.*': 'classifier.*',
    },
  },
  torchvision: {
    title: 'torchvision',
    eps: 1e-6,
    names: {
      cls_token: 'class_token',
      pos_embed: 'encoder.pos_embedding',
      'patch_embed.proj.*': 'conv_proj.*',
      'blocks.#.norm1.*': `${block}.ln_1.*`,
      'blocks.#.attn.qkv.*': `${block}.self_attention.in_proj_*`,
      'blocks.#.attn.proj.*': `${block}.self_attention.out_proj.*`,
      'blocks.#.norm2.*': `${block}.ln_2.*`,
      'blocks.#.mlp.fc1.*': `${block}.mlp.0.*`,
      'blocks.#.mlp.fc2.*': `${block}.mlp.3.*`,
      'norm.*': 'encoder.ln.*',
      'head.*': 'heads.head.*',
    },
  },
}

/** One rule between two patterns, in one direction. */
interface Rename {
  from: RegExp
  to: string
  /** Of queries, keys, values: 0, 1, 2. */
  part?: number
  parts?: readonly string[]
}

/** As a pattern that captures the number and the word that `#` and `*` stand for. */
const pattern = (name: string) =>
  new RegExp(`^${name.replaceAll('.', '\\.').replace('#', '(?<n>\\d+)').replace('*', '(?<p>weight|bias)')}$`)

const fill = (name: string, { n = '', p = '' }: Record<string, string> = {}) => name.replace('#', n).replace('*', p)

const readers = Object.fromEntries(
  Object.entries(dialects).map(([name, { names }]) => [
    name,
    Object.entries(names).flatMap(([to, from]): Rename[] =>
      typeof from === 'string'
        ? [{ from: pattern(from), to }]
        : from.map((one, part) => ({ from: pattern(one), to, part, parts: from })),
    ),
  ]),
) as Record<DialectName, Rename[]>

/**
 * torchvision's checkpoints from before 0.13 number an MLP's layers otherwise; Hugging Face's bare ViTModel lacks the
 * prefix.
 */
function modern(name: string): string {
  if (/^(embeddings|encoder\.layer|layernorm)\./.test(name)) return `vit.${name}`
  return name.replace(/\.mlp\.linear_([12])\./, (_, i) => `.mlp.${i === '1' ? 0 : 3}.`)
}

/** Whose names these are; timm's when nobody's. Throws when two libraries' names are mixed. */
export function dialectOf(names: Iterable<string>, source: string): DialectName {
  const examples = new Map<DialectName, string>()
  for (const name of names) {
    for (const dialect of Object.keys(dialects) as DialectName[]) {
      if (!examples.has(dialect) && readers[dialect].some(({ from }) => from.test(modern(name))))
        examples.set(dialect, name)
    }
  }
  const found = [...examples]
  check(
    found.length < 2,
    () =>
      `${source}: must have the names of one library, got ` +
      found.map(([dialect, name]) => `${dialects[dialect].title}'s ${name}`).join(' and '),
  )
  return found[0]?.[0] ?? 'timm'
}

/** A checkpoint's tensors under timm's names; unknown ones keep theirs. */
export function fromDialect(dialect: DialectName, tensors: Tensors, source: string): Map<string, TensorData> {
  const renamed = new Map<string, TensorData>()
  for (const [name, data] of tensors) {
    const match = readers[dialect]
      .map((rule) => ({ rule, groups: rule.from.exec(modern(name)) }))
      .find(({ groups }) => groups)
    if (!match) {
      renamed.set(name, data)
      continue
    }
    const {
      rule: { to, part, parts },
      groups,
    } = match
    const target = fill(to, groups!.groups)
    if (part === undefined) renamed.set(target, data)
    else if (part === 0)
      renamed.set(target, joined(parts!.map((one) => tensorOf(tensors, fill(one, groups!.groups), source))))
    else tensorOf(tensors, fill(parts![0], groups!.groups), source)
  }
  return renamed
}

function tensorOf(tensors: Tensors, name: string, source: string): TensorData {
  const data = tensors.get(name) ?? tensors.get(name.replace(/^vit\./, ''))
  if (!data) throw new RadiogradError(`${source}: queries, keys and values must come together, got no ${name}`)
  return data
}

/** Behind each other along the first axis. */
function joined(parts: readonly TensorData[]): TensorData {
  const [first] = parts
  check(
    parts.every((p) => sameShape(p.shape, first.shape)),
    () =>
      `checkpoint: queries, keys and values must have one shape, ` +
      `got ${parts.map((p) => formatShape(p.shape)).join(', ')}`,
  )
  const values = parts.map(toFloat32)
  const data = new Float32Array(3 * values[0].length)
  values.forEach((v, i) => data.set(v, i * v.length))
  return { dtype: 'f32', shape: [3 * first.shape[0], ...first.shape.slice(1)], data }
}

/** The names that a library has for a tensor of timm's name: one, or three for queries, keys and values. */
export function namesIn(dialect: DialectName, name: string): readonly string[] {
  for (const [own, theirs] of Object.entries(dialects[dialect].names)) {
    const groups = pattern(own).exec(name)?.groups
    if (pattern(own).test(name)) return (typeof theirs === 'string' ? [theirs] : theirs).map((one) => fill(one, groups))
  }
  return [name]
}

/** Tensors under timm's names as a library writes them. */
export function toDialect<T extends Late<TensorData>>(
  dialect: DialectName,
  tensors: ReadonlyMap<string, T>,
): Map<string, T> {
  const renamed = new Map<string, T>()
  for (const [name, tensor] of tensors) {
    const names = namesIn(dialect, name)
    const shape = [tensor.shape[0] / names.length, ...tensor.shape.slice(1)]
    const size = tensor.data.length / names.length
    if (names.length === 1) renamed.set(names[0], tensor)
    else
      names.forEach((one, i) =>
        renamed.set(one, { ...tensor, shape, data: tensor.data.slice(i * size, (i + 1) * size) }),
      )
  }
  return renamed
}
