// Checkpoints of other libraries under torchvision's names: timm's ConvNeXt and EfficientNet, TorchXRayVision's
// DenseNet. Pure functions; Vision Transformers have dialects.ts. Loaded where weights are to be trained on.
import { RadiogradError } from '../util/check.js'
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

const SQUEEZE = { 'se.conv_reduce': 'fc1', 'se.conv_expand': 'fc2' }
/** Of the first stage, which does not widen. */
const SEPARABLE = { conv_dw: '0.0', bn1: '0.1', conv_pw: '2.0', bn2: '2.1' }
const INVERTED = { conv_pw: '0.0', bn1: '0.1', conv_dw: '1.0', bn2: '1.1', conv_pwl: '3.0', bn3: '3.1' }

function efficientNetPart(stage: string, part: string): string {
  if (part in SQUEEZE) return `${stage === '0' ? 1 : 2}.${SQUEEZE[part as keyof typeof SQUEEZE]}`
  return (stage === '0' ? SEPARABLE : INVERTED)[part as keyof typeof SEPARABLE]
}

/** `stages`: how many there are between the first convolution and the last. */
const efficientNet = (stages: number): readonly Rename[] => [
  [/^conv_stem\./, () => 'features.0.0.'],
  [/^bn1\./, () => 'features.0.1.'],
  [
    /^blocks\.(\d+)\.(\d+)\.(conv_\w+|bn\d|se\.conv_\w+)\./,
    (stage, block, part) => `features.${Number(stage) + 1}.${block}.block.${efficientNetPart(stage, part)}.`,
  ],
  [/^conv_head\./, () => `features.${stages + 1}.0.`],
  [/^bn2\./, () => `features.${stages + 1}.1.`],
  [/^classifier\./, () => 'classifier.1.'],
]

/**
 * A checkpoint under torchvision's names, where it has timm's for ConvNeXt or EfficientNet; and one of a DenseNet for
 * one channel, as TorchXRayVision's, for three, with its normalisation: the same on gray images. Others come as they
 * are.
 *
 * @throws RadiogradError for timm's MobileNetV3, whose norms have another epsilon than torchvision's.
 */
export function asTorchvision(checkpoint: Checkpoint): Checkpoint {
  const { tensors, source, notes = [] } = checkpoint
  const renamed = (rules: readonly Rename[], what: string): Checkpoint => ({
    ...checkpoint,
    tensors: new Map([...tensors].map(([name, data]) => rename(name, data, rules))),
    notes: [...notes, `names are timm's for ${what}, read as torchvision's`],
  })
  if (tensors.has('stages.0.blocks.0.conv_dw.weight')) return renamed(CONVNEXT, 'ConvNeXt')
  if (tensors.has('conv_stem.weight') && tensors.has('blocks.0.0.conv_dw.weight')) {
    if (tensors.has('conv_head.bias'))
      throw new RadiogradError(`${source}: weights of a MobileNetV3 must be torchvision's, got timm's`)
    const stages = [...tensors.keys()].map((name) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0))
    return renamed(efficientNet(Math.max(...stages) + 1), 'EfficientNet')
  }
  const first = tensors.get('features.conv0.weight')
  return first?.shape[1] === 1 ? forColours(checkpoint, first) : checkpoint
}

function rename(name: string, data: TensorData, rules: readonly Rename[]): [string, TensorData] {
  const rule = rules.find(([from]) => from.test(name))
  const to = rule ? name.replace(rule[0], (_, ...groups: string[]) => rule[1](...groups)) : name
  return [to, to.endsWith('.layer_scale') ? { ...data, shape: [...data.shape, 1, 1] } : data]
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
