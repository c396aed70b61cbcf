// An option that nobody knows is refused wherever options are taken: a misspelt one would silently leave the default.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { failure } from '../errors.js'
import * as lib from '../../src/index.js'
import {
  DataLoader,
  DecodePool,
  F,
  ImageFolder,
  Trainer,
  init,
  models,
  nn,
  ones,
  optim,
  syntheticFiles,
} from '../../src/index.js'
import { transforms } from '../../src/index.js'

const test = suite('options')
const engine = await init({ dryRun: true })
test.after(() => engine.dispose())

test('unknown options are refused by name', () => {
  const block = { dim: 8, heads: 1, mlpDim: 8, eps: 1e-6, dropout: 0, attentionDropout: 0, dropPath: 0 }
  const transform = transforms.compose([transforms.ToTensor()])
  const dataset = { samples: [{ path: 'a', file: 'a', label: 0 }], classes: ['A', 'B'], transform }
  const x = ones([2, 4])
  const image = ones([1, 8, 8, 4])
  type Call = [string, (options: object) => unknown]
  const operators: Call[] = [
    ['gelu', (o) => F.gelu(x, o)],
    ['softmax', (o) => F.softmax(x, { dim: 1, ...o })],
    ['layerNorm', (o) => F.layerNorm(x, [4], null, null, o)],
    ['addLayerNorm', (o) => F.addLayerNorm(x, x, [4], null, null, o)],
    ['groupNorm', (o) => F.groupNorm(x, 2, null, null, o)],
    ['instanceNorm', (o) => F.instanceNorm(image, null, null, o)],
    ['batchNorm', (o) => F.batchNorm(x, null, null, null, null, o)],
    ['scaledDotProductAttention', (o) => F.scaledDotProductAttention(x, x, x, o)],
    ['slice', (o) => F.slice(x, { dim: 0, ...o })],
    ['clamp', (o) => F.clamp(x, o)],
    ['norm', (o) => F.norm(x, o)],
    ['maxPool2d', (o) => F.maxPool2d(image, { kernelSize: 2, ...o })],
  ]
  const layers: Call[] = [
    ['MaxPool2d', (o) => new nn.MaxPool2d(2, o)],
    ['AvgPool2d', (o) => new nn.AvgPool2d(2, o)],
    ['Upsample', (o) => new nn.Upsample(o)],
    ['gelu', (o) => new nn.GELU(o)],
    ...([nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss, nn.KLDivLoss] as const).map((Loss): Call => [
      Loss.name,
      (o) => new Loss(o),
    ]),
    ...([nn.BCEWithLogitsLoss, nn.CrossEntropyLoss, nn.NLLLoss] as const).map((Loss): Call => [
      Loss.name,
      (o) => new Loss(o),
    ]),
  ]
  const any = null as never
  const others: Call[] = [
    ['AdamW', (o) => new optim.AdamW([new nn.Linear(1, 1).weight], o)],
    ['cosine', (o) => optim.cosine(1, 2, o)],
    ['Trainer', (o) => new Trainer(o as never)],
    ['safetensorsBytes', (o) => lib.safetensorsBytes(new Map(), o)],
    ['RandomAffine', (o) => transforms.RandomAffine(1, o)],
    ['RandomResizedCrop', (o) => transforms.RandomResizedCrop(1, o)],
    ['ColorJitter', (o) => transforms.ColorJitter(o)],
    ['resamples', (o) => lib.stats.resamples([], [], o).next()],
    ['reliabilityBins', (o) => lib.stats.reliabilityBins([], [], o)],
    ['delongTest', (o) => lib.stats.delongTest([], [], [], o)],
    ['binaryMeasures', (o) => lib.stats.binaryMeasures([], [], o)],
    ['overlay', (o) => lib.explain.overlay(any, any, o)],
    ['gradCam', (o) => lib.explain.gradCam(any, x, o)],
    ['contactSheet', (o) => lib.audit.contactSheet([], o)],
    ['pipeline', (o) => lib.pipeline({ imageSize: 8, mean: [0, 0, 0], std: [1, 1, 1] }, o)],
  ]
  const calls: [string, (options: object) => unknown][] = [
    ['resnet', (o) => models.resnet18(o)],
    ['convnext', (o) => models.convnextTiny(o)],
    ['vit', (o) => models.vitTiny(o)],
    ['createModel', (o) => models.createModel('resnet18', { numClasses: 2, imageSize: 32, ...o })],
    ['TransformerBlock', (o) => new nn.TransformerBlock({ ...block, ...o })],
    ['DataLoader', (o) => new DataLoader(dataset, o)],
    ['DecodePool', (o) => new DecodePool(1, o)],
    ['ImageFolder', (o) => new ImageFolder([], { transform, ...o })],
    ['synthetic', (o) => syntheticFiles(o).next()],
    ...operators,
    ...layers,
    ...others,
  ]
  for (const [name, call] of calls)
    assert.throws(() => call({ num_classes: 2 }), new RegExp(`^${name}: unknown option 'num_classes', `))
})

test('a transformer block needs all of its numbers', () => {
  assert.throws(
    () => new nn.TransformerBlock({ dim: 8, heads: 1, mlpDim: 8 } as nn.TransformerBlockOptions),
    /TransformerBlock: eps must be a number, got undefined/,
  )
})

test('and by what rejects', async () => {
  const any = null as never
  const odd = { num_classes: 2 } as never
  const calls: [string, () => Promise<unknown>][] = [
    ['init', () => init(odd)],
    ['decodeImage', () => lib.decodeImage(new Uint8Array(1), 'x', odd)],
    ['checkFiles', () => lib.checkFiles([], odd)],
    ['auditDataset', () => lib.audit.auditDataset([], odd)],
    ['samplePictures', () => lib.audit.samplePictures([], odd)],
    ['trainRun', () => lib.trainRun({} as never, odd)],
    ['resumeRun', () => lib.resumeRun({}, odd)],
    ['evaluateRun', () => lib.evaluateRun({} as never, odd)],
    ['calibrateRun', () => lib.calibrateRun({} as never, odd)],
    ['predictRun', () => lib.predictRun({} as never, odd)],
    ['explainRun', () => lib.explainRun({} as never, odd)],
  ]
  for (const [name, call] of calls)
    assert.match(await failure(call), new RegExp(`^${name}: unknown option 'num_classes', `))
  const settings = await failure(() => lib.trainRun(odd, { store: any }))
  assert.match(settings, /^trainRun: settings: unknown option 'num_classes', /)
})

test.run()
