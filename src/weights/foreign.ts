// Checkpoints of other libraries under torchvision's names: timm's ConvNeXt, EfficientNet and MobileNetV3,
// TorchXRayVision's DenseNet. Pure functions; Vision Transformers have dialects.ts. Loaded where one is read.
import type { Checkpoint } from './load.js'
import { type TensorData, toFloat32 } from './safetensors.js'

type Rename = readonly [from: RegExp, to: (...groups: string[]) => string]

const CONVNEXT_PARTS: Record<string, number> = { conv_dw: 0, norm: 2, 'mlp.fc1': 3, 'mlp.fc2': 5 }

/** Stages stand at odd places, what halves the image before them at even ones. */
const CONVNEXT: readonly Rename[] = [
  [/^stem\.(\d)\./, (layer) => `features.0.${layer}.`],
  [/^stages\.(\d+)\.downsample\.(\d)\./, (stage, layer) => `features.${2 * Number(stage)}.${layer}.`],
  [
    /^stages\.(\d+)\.blocks\.(\d+)\.(conv_dw|norm|mlp\.fc1|mlp\.fc2)\./,
    (stage, block, part) => `features.${2 * Number(stage) + 1}.${block}.block.${CONVNEXT_PARTS[part]}.`,
  ],
  [/^stages\.(\d+)\.blocks\.(\d+)\.gamma$/, (stage, block) => `features.${2 * Number(stage) + 1}.${block}.layer_scale`],
  [/^head\.norm\./, () => 'classifier.0.'],
  [/^head\.fc\./, () => 'classifier.2.'],
]

const SQUEEZE: Record<string, string> = { 'se.conv_reduce': 'fc1', 'se.conv_expand': 'fc2' }

/** Where a part of an inverted residual stands in torchvision's list, which has what the block has. */
function partOf(tensors: Checkpoint['tensors'], block: string, part: string): string {
  const has = (name: string) => tensors.has(`${block}.${name}.weight`)
  // The first ones do not widen.
  const convolutions = has('conv_pwl') ? ['conv_pw', 'conv_dw', 'conv_pwl'] : ['conv_dw', 'conv_pw']
  const layers = [...convolutions]
  if (has('se.conv_reduce')) layers.splice(-1, 0, 'se')
  if (part in SQUEEZE) return `${layers.indexOf('se')}.${SQUEEZE[part]}`
  const norm = /^bn(\d)$/.exec(part)
  return norm ? `${layers.indexOf(convolutions[Number(norm[1]) - 1])}.1` : `${layers.indexOf(part)}.0`
}

/** Stages of blocks, with a convolution before and one behind. */
function efficientNet(tensors: Checkpoint['tensors']): readonly Rename[] {
  const stages = [...tensors.keys()].map((name) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0))
  const last = Math.max(...stages) + 2
  return [
    [/^conv_stem\./, () => 'features.0.0.'],
    [/^bn1\./, () => 'features.0.1.'],
    [
      /^(blocks\.(\d+)\.(\d+))\.(conv_\w+|bn\d|se\.conv_\w+)\./,
      (whole, stage, block, part) => `features.${Number(stage) + 1}.${block}.block.${partOf(tensors, whole, part)}.`,
    ],
    [/^conv_head\./, () => `features.${last}.0.`],
    [/^bn2\./, () => `features.${last}.1.`],
    [/^classifier\./, () => 'classifier.1.'],
  ]
}

/** Blocks one after another; the last stage is a convolution alone, and one of means the hidden layer of the head. */
function mobileNet(tensors: Checkpoint['tensors']): readonly Rename[] {
  const blocks = new Set([...tensors.keys()].flatMap((name) => /^blocks\.\d\.\d(?=\.)/.exec(name) ?? []))
  const places = new Map([...blocks].sort().map((block, i) => [block, `features.${i + 1}`]))
  return [
    [/^conv_stem\./, () => 'features.0.0.'],
    [/^bn1\./, () => 'features.0.1.'],
    [/^(blocks\.\d\.\d)\.conv\./, (block) => `${places.get(block)}.0.`],
    [
      /^(blocks\.\d\.\d)\.(conv_\w+|bn\d|se\.conv_\w+)\./,
      (block, part) =>
        `${places.get(block)}.${tensors.has(`${block}.conv.weight`) ? 1 : `block.${partOf(tensors, block, part)}`}.`,
    ],
    [/^conv_head\./, () => 'classifier.0.'],
    [/^classifier\./, () => 'classifier.3.'],
  ]
}

/**
 * A norm's weight for torchvision's epsilon of 1e-3 where timm has 1e-5, so that with running statistics both give the
 * same: weight / √(variance + 1e-5) stays what it is.
 */
function forEpsilon(tensors: Checkpoint['tensors']): Checkpoint['tensors'] {
  return new Map(
    [...tensors].map(([name, data]) => {
      const variance = tensors.get(name.replace(/weight$/, 'running_var'))
      if (!name.endsWith('.weight') || !variance) return [name, data]
      const of = toFloat32(variance)
      const weight = toFloat32(data).map((w, i) => w * Math.sqrt((of[i] + 1e-3) / (of[i] + 1e-5)))
      return [name, { dtype: 'f32', shape: data.shape, data: weight }]
    }),
  )
}

/** A checkpoint under torchvision's names, where it has timm's for ConvNeXt, EfficientNet or MobileNetV3. */
export function fromTimm(checkpoint: Checkpoint): Checkpoint {
  const { tensors, notes = [] } = checkpoint
  const renamed = (from: Checkpoint['tensors'], rules: readonly Rename[], what: string): Checkpoint => ({
    ...checkpoint,
    tensors: new Map([...from].map(([name, data]) => rename(name, data, rules))),
    notes: [...notes, `names are timm's for ${what}, read as torchvision's`],
  })
  if (tensors.has('stages.0.blocks.0.conv_dw.weight')) return renamed(tensors, CONVNEXT, 'ConvNeXt')
  if (!tensors.has('conv_stem.weight') || !tensors.has('blocks.0.0.conv_dw.weight')) return checkpoint
  return tensors.has('conv_head.bias')
    ? renamed(forEpsilon(tensors), mobileNet(tensors), 'MobileNetV3 (weights of norms made for its epsilon)')
    : renamed(tensors, efficientNet(tensors), 'EfficientNet')
}

/**
 * As {@link fromTimm}; and one of a DenseNet for one channel, as TorchXRayVision's, for three, with its normalisation:
 * the same on gray images. Others come as they are.
 */
export function asTorchvision(checkpoint: Checkpoint): Checkpoint {
  const named = fromTimm(checkpoint)
  const first = named.tensors.get('features.conv0.weight')
  return first?.shape[1] === 1 ? forColours(named, first) : named
}

function rename(name: string, data: TensorData, rules: readonly Rename[]): [string, TensorData] {
  const rule = rules.find(([from]) => from.test(name))
  const to = rule ? name.replace(rule[0], (_, ...groups: string[]) => rule[1](...groups)) : name
  if (to.endsWith('.layer_scale')) return [to, { ...data, shape: [...data.shape, 1, 1] }]
  // A convolution of one pixel is a linear layer.
  if (name === 'conv_head.weight' && to === 'classifier.0.weight')
    return [to, { ...data, shape: data.shape.slice(0, 2) }]
  return [to, data]
}

/** The first convolution's weight [C, 1, H, W] as [C, 3, H, W], a third each: the same sums where colours are equal. */
function forColours(checkpoint: Checkpoint, { shape, ...first }: TensorData): Checkpoint {
  const [channels, , height, width] = shape
  const values = toFloat32({ shape, ...first })
  const size = height * width
  const data = new Float32Array(3 * values.length)
  for (let i = 0; i < data.length; i++) data[i] = values[Math.floor(i / (3 * size)) * size + (i % size)] / 3
  const tensors = new Map(checkpoint.tensors)
  tensors.delete('op_threshs') // where its outputs are called, no weight
  tensors.set('features.conv0.weight', { dtype: 'f32', shape: [channels, 3, height, width], data })
  return {
    ...checkpoint,
    tensors,
    notes: [
      ...(checkpoint.notes ?? []),
      'weights are for one channel, from −1024 to 1024 as of TorchXRayVision; read for gray images of three',
    ],
    // (2 · byte / 255 − 1) · 1024
    preprocessing: checkpoint.preprocessing ?? {
      imageSize: 224,
      mean: [0.5, 0.5, 0.5],
      std: [1 / 2048, 1 / 2048, 1 / 2048],
    },
  }
}
