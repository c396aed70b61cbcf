// The convolutional networks against torchvision's: names and shapes, logits in both modes, every parameter's gradient.
// RADIOGRAD_NETWORKS=all takes those as well that are too slow for each time.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, explain, init, loadCheckpoint, models, nn, safetensorsBytes, tensor } from '../../src/index.js'
import { DenseNet } from '../../src/models/densenet.js'
import { EfficientNet } from '../../src/models/efficientnet.js'
import { MobileNetV3 } from '../../src/models/mobilenet.js'
import { type Classifier, createModel } from '../../src/models/registry.js'
import { Bottleneck, ResNet } from '../../src/models/resnet.js'
import { asTorchvision } from '../../src/weights/foreign.js'
import type { Checkpoint } from '../../src/weights/load.js'
import type { TensorData } from '../../src/weights/safetensors.js'
import { relativeError } from '../cases/case.js'
import { formulaState, gradientSummary, values } from './formula.js'

interface Truth {
  size: number
  batch: number
  /** Of {@link formulaState}: keeps relus' inputs away from 0. See make_networks.py. */
  clear: number
  image: string
  classes: number
  parameters: number
  names: string
  evaluated: number[]
  logits: number[]
  gradients: Record<string, [norm: number, probe: number]>
  /** How far torchvision's float32 is from its float64, and inputs of relus with another sign. */
  f32: Errors & { otherSides: number }
}

/** Relative; of gradients the largest of any parameter. */
interface Errors {
  evaluated: number
  logits: number
  gradients: number
}

const engine = await init({ seed: 0 })
const test = suite(`networks (${engine.adapterKind})`)
const path = new URL('../../../test/fixtures/models/networks.json', import.meta.url)
const truths: Record<string, Truth> = JSON.parse(readFileSync(path, 'utf8'))
const QUICK = ['bottlenecks', 'dense layers', 'mobilenet-v3-small']

const build: Record<string, (numClasses: number) => Classifier> = {
  bottlenecks: (numClasses) => new ResNet(Bottleneck, [1, 1, 1, 1], { numClasses }),
  'dense layers': (numClasses) => new DenseNet({ blocks: [2, 2, 2, 2], numClasses }),
}

function make(name: string, { classes, size }: Truth): Classifier {
  const model = build[name]?.(classes) ?? createModel(name, { numClasses: classes, imageSize: size })
  for (const layer of model.modules()) if ('p' in layer) Object.assign(layer, { p: 0 })
  return model
}

for (const [name, truth] of Object.entries(truths)) {
  if (!QUICK.includes(name) && process.env.RADIOGRAD_NETWORKS !== 'all') continue
  test(name, async () => {
    const model = make(name, truth)
    const state = await formulaState(model, truth.clear)
    const lines = [...state].map(([key, { shape }]) => `${key} ${shape.join()}\n`)
    // By code points, as Python sorts.
    lines.sort((a, b) => (a.split(' ')[0] < b.split(' ')[0] ? -1 : 1))
    assert.is(createHash('sha256').update(lines.join('')).digest('hex'), truth.names, 'names and shapes')
    model.loadStateDict(state)
    const shape = [truth.batch, truth.size, truth.size, 3]
    const x = tensor(values(truth.image, shape, 2), shape)
    const labels = tensor(Int32Array.from({ length: truth.batch }, (_, i) => i % truth.classes))
    model.eval()
    const evaluated = await (await engine.step(() => model.forward(x))).data()
    model.train()
    const logits = await engine.step(() => {
      const y = model.forward(x)
      F.crossEntropy(y, labels).backward()
      return y
    })
    const errors: Errors = {
      evaluated: relativeError(evaluated, Float32Array.from(truth.evaluated)),
      logits: relativeError(await logits.data(), Float32Array.from(truth.logits)),
      gradients: 0,
    }
    const scale = Math.max(...Object.values(truth.gradients).map(([norm]) => norm))
    let [count, worst] = [0, '']
    for (const [key, p] of model.namedParameters()) {
      const [norm, probe] = truth.gradients[key]
      const found = await gradientSummary(key, p)
      const off = Math.max(Math.abs(found.norm - norm), Math.abs(found.probe - probe))
      // One whose shift the next norm takes away is rounding alone: a thousandth of the largest is its measure.
      const error = off / (norm > 1e-9 * scale ? norm : 1e-3 * scale)
      if (!(error <= errors.gradients)) [errors.gradients, worst] = [error, key]
      count += p.size
    }
    assert.is(count, truth.parameters)
    const text = ({ evaluated, logits, gradients }: Errors) =>
      Object.entries({ evaluated, logits, gradients })
        .map(([what, value]) => `${what} ${value.toExponential(1)}`)
        .join(', ')
    console.log(`${name}: ${text(errors)} (${worst}); torchvision's f32: ${text(truth.f32)}`)
    assert.ok(errors.evaluated < 1e-5, `evaluated off by ${errors.evaluated}`)
    assert.ok(errors.logits < 1e-5, `logits off by ${errors.logits}`)
    assert.ok(errors.gradients < 1e-4, `${worst} off by ${errors.gradients}`)
  })
}

test('Grad-CAM looks at the last features of each family', async () => {
  const x = tensor(values('image.64', [1, 64, 64, 3], 2), [1, 64, 64, 3])
  for (const model of [
    new DenseNet({ blocks: [1, 1], growth: 8, stem: 8, numClasses: 2 }),
    models.mobilenetV3Small({ numClasses: 2 }),
    models.convnext({ depths: [1, 1], widths: [8, 16], numClasses: 2 }),
  ]) {
    const seen = await engine.step(() => explain.gradCam(model.eval(), x))
    const [map] = await explain.readExplanations(seen)
    assert.ok(map.map.values.every(Number.isFinite) && map.map.width >= 2, `${map.map.width}`)
  }
})

/** Tensors of PyTorch's shapes with different values. */
const checkpointOf = (shapes: Record<string, readonly number[]>): Checkpoint => ({
  tensors: new Map(
    Object.entries(shapes).map(([name, shape], at): [string, TensorData] => {
      const size = shape.reduce((a, b) => a * b, 1)
      return [
        name,
        { dtype: 'f32', shape: [...shape], data: Float32Array.from({ length: size }, (_, i) => at + i / 1e4) },
      ]
    }),
  ),
  metadata: {},
  source: 'x',
})

/** Weight and bias of a norm, with the statistics of a BatchNorm or without. */
const norm = (name: string, channels: number, statistics = true) => ({
  [`${name}.weight`]: [channels],
  [`${name}.bias`]: [channels],
  ...(statistics && {
    [`${name}.running_mean`]: [channels],
    [`${name}.running_var`]: [channels],
    [`${name}.num_batches_tracked`]: [],
  }),
})
const layer = (name: string, shape: readonly number[]) => ({ [`${name}.weight`]: shape, [`${name}.bias`]: [shape[0]] })

test("timm's names: every tensor of ConvNeXt and EfficientNet finds its place", async () => {
  const block = (name: string, dim: number) => ({
    [`${name}.gamma`]: [dim],
    ...layer(`${name}.conv_dw`, [dim, 1, 7, 7]),
    ...norm(`${name}.norm`, dim, false),
    ...layer(`${name}.mlp.fc1`, [4 * dim, dim]),
    ...layer(`${name}.mlp.fc2`, [dim, 4 * dim]),
  })
  const convnext = checkpointOf({
    ...layer('stem.0', [8, 3, 4, 4]),
    ...norm('stem.1', 8, false),
    ...block('stages.0.blocks.0', 8),
    ...norm('stages.1.downsample.0', 8, false),
    ...layer('stages.1.downsample.1', [16, 8, 2, 2]),
    ...block('stages.1.blocks.0', 16),
    ...block('stages.1.blocks.1', 16),
    ...norm('head.norm', 16, false),
    ...layer('head.fc', [5, 16]),
  })
  const small = models.convnext({ depths: [1, 2], widths: [8, 16], numClasses: 5 })
  small.loadStateDict(asTorchvision(convnext))
  const state = await small.stateDict()
  const values = (found: Iterable<[string, TensorData]>, name: string) => [...new Map(found).get(name)!.data]
  assert.equal(
    values(state, 'features.3.1.block.3.weight'),
    values(convnext.tensors, 'stages.1.blocks.1.mlp.fc1.weight'),
  )
  assert.equal(values(state, 'features.1.0.layer_scale'), values(convnext.tensors, 'stages.0.blocks.0.gamma'))

  const squeeze = (name: string, wide: number, squeezed: number) => ({
    ...layer(`${name}.se.conv_reduce`, [squeezed, wide, 1, 1]),
    ...layer(`${name}.se.conv_expand`, [wide, squeezed, 1, 1]),
  })
  const efficientnet = checkpointOf({
    'conv_stem.weight': [8, 3, 3, 3],
    ...norm('bn1', 8),
    'blocks.0.0.conv_dw.weight': [8, 1, 3, 3],
    ...norm('blocks.0.0.bn1', 8),
    ...squeeze('blocks.0.0', 8, 2),
    'blocks.0.0.conv_pw.weight': [16, 8, 1, 1],
    ...norm('blocks.0.0.bn2', 16),
    'blocks.1.0.conv_pw.weight': [32, 16, 1, 1],
    ...norm('blocks.1.0.bn1', 32),
    'blocks.1.0.conv_dw.weight': [32, 1, 5, 5],
    ...norm('blocks.1.0.bn2', 32),
    ...squeeze('blocks.1.0', 32, 4),
    'blocks.1.0.conv_pwl.weight': [24, 32, 1, 1],
    ...norm('blocks.1.0.bn3', 24),
    'conv_head.weight': [40, 24, 1, 1],
    ...norm('bn2', 40),
    ...layer('classifier', [5, 40]),
  })
  const stage = { expand: 1, kernelSize: 3, stride: 1, channels: 16, layers: 1 }
  const stages = [stage, { ...stage, expand: 2, kernelSize: 5, channels: 24 }]
  const net = new EfficientNet({ stem: 8, stages, lastChannels: 40, numClasses: 5, dropout: 0 })
  net.loadStateDict(asTorchvision(efficientnet))
  const weight = values(await net.stateDict(), 'features.2.0.block.1.0.weight')
  assert.equal(weight, values(efficientnet.tensors, 'blocks.1.0.conv_dw.weight'))
})

test("timm's MobileNetV3: a checkpoint with its names loads as a file, and gives what its epsilon gives", async () => {
  const rows = [
    [3, 16, 16, true, 'relu', 2],
    [3, 32, 24, false, 'relu', 1],
    [5, 48, 24, true, 'hardswish', 1],
  ] as const
  const make = () => new MobileNetV3(rows, 20, { numClasses: 3 }).eval()
  const theirs = make()
  for (const module of theirs.modules()) if (module instanceof nn.BatchNorm2d) Object.assign(module, { eps: 1e-5 })
  const state = await theirs.stateDict()
  for (const [name, { data }] of state)
    if (name.endsWith('running_var')) data.forEach((_, i) => (data[i] = 0.002 + 0.01 * (i % 5)))
  theirs.loadStateDict(state)
  const convolution = (timm: string, norm: string, own: string): [string, string][] => [
    [`${timm}.weight`, `${own}.0.weight`],
    ...['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map((of): [string, string] => [
      `${norm}.${of}`,
      `${own}.1.${of}`,
    ]),
  ]
  const block = (name: string, convolutions: string[], place: number): [string, string][] =>
    convolutions.flatMap((conv, i) =>
      conv === 'se'
        ? ['weight', 'bias'].flatMap((of): [string, string][] => [
            [`${name}.se.conv_reduce.${of}`, `features.${place}.block.${i}.fc1.${of}`],
            [`${name}.se.conv_expand.${of}`, `features.${place}.block.${i}.fc2.${of}`],
          ])
        : convolution(
            `${name}.${conv}`,
            `${name}.bn${convolutions.filter((c) => c !== 'se').indexOf(conv) + 1}`,
            `features.${place}.block.${i}`,
          ),
    )
  const names = [
    ...convolution('conv_stem', 'bn1', 'features.0'),
    ...block('blocks.0.0', ['conv_dw', 'se', 'conv_pw'], 1),
    ...block('blocks.1.0', ['conv_pw', 'conv_dw', 'conv_pwl'], 2),
    ...block('blocks.1.1', ['conv_pw', 'conv_dw', 'se', 'conv_pwl'], 3),
    ...convolution('blocks.2.0.conv', 'blocks.2.0.bn1', 'features.4'),
    ...['weight', 'bias'].flatMap((of): [string, string][] => [
      [`conv_head.${of}`, `classifier.0.${of}`],
      [`classifier.${of}`, `classifier.3.${of}`],
    ]),
  ]
  assert.is(names.length, state.size)
  const timms = new Map(names.map(([timm, own]) => [timm, state.get(own)!]))
  const head = timms.get('conv_head.weight')!
  timms.set('conv_head.weight', { ...head, shape: [...head.shape, 1, 1] })
  const ours = make()
  ours.loadStateDict(await loadCheckpoint(safetensorsBytes(timms)))
  const x = tensor(
    Float32Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => Math.sin(i)),
    [2, 32, 32, 3],
  )
  const [a, b] = await Promise.all([theirs, ours].map(async (m) => (await engine.step(() => m.forward(x))).data()))
  assert.ok(relativeError(b, a) < 1e-6, `off by ${relativeError(b, a)}`)
})

test('a DenseNet for one channel, as TorchXRayVision has, loads as it is, and for gray images of three', async () => {
  const options = { blocks: [1, 1], growth: 4, stem: 8 }
  const one = new DenseNet({ ...options, inChannels: 1, numClasses: 18 })
  const tensors = await one.stateDict()
  one.loadStateDict(tensors)
  tensors.set('op_threshs', { dtype: 'f32', shape: [18], data: new Float32Array(18) })
  const adapted = asTorchvision({ tensors, metadata: {}, source: 'x' })
  assert.equal([adapted.preprocessing!.mean[0], adapted.preprocessing!.std[0]], [0.5, 1 / 2048])
  const three = new DenseNet({ ...options, numClasses: 18 })
  three.loadStateDict(adapted)
  const gray = Float32Array.from({ length: 32 * 32 }, (_, i) => Math.sin(i))
  const logits = async (model: DenseNet, channels: number) => {
    const x = tensor(
      Float32Array.from({ length: channels * 1024 }, (_, i) => gray[Math.floor(i / channels)]),
      [1, 32, 32, channels],
    )
    model.eval()
    return await (await engine.step(() => model.forward(x))).data()
  }
  const [a, b] = [await logits(one, 1), await logits(three, 3)]
  assert.ok(Math.max(...a.map((v, i) => Math.abs(v - b[i]))) < 1e-5 * Math.max(...a.map(Math.abs)))
  // Under its name, with all 18 outputs: the names of torchvision.
  const whole = models.densenet121({ inChannels: 1, numClasses: 18 })
  const names = [...whole.state()].map(({ name }) => name)
  assert.equal([names.length, names[0], names.at(-1)], [727, 'features.conv0.weight', 'classifier.bias'])
})

test.after(() => engine.dispose())
test.run()
