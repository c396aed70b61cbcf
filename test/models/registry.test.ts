// The table of models: every row is true of the model it makes. And the sizes of the presets, on an engine which
// computes nothing.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { chooseTrainable } from '../../src/app/trainable.js'
import { init, models, tensor } from '../../src/index.js'
import { type Classifier, MODEL_NAMES, createModel, modelRow, preprocessingOf } from '../../src/models/registry.js'
import type { TensorData } from '../../src/weights/safetensors.js'

const test = suite('registry')
const engine = await init({ dryRun: true })
const make = (name: string) => createModel(name, { numClasses: 2, imageSize: 224 })

/** The larger Vision Transformers are built as the small ones. */
const SMALL = MODEL_NAMES.filter((name) => !/^vit-[blh]/.test(name))

test('head and last stage are layers of the model, the head is what a checkpoint of other classes leaves fresh', () => {
  for (const name of SMALL) {
    const { head, lastStage } = modelRow(name)
    const model = make(name)
    const names = [...model.namedParameters()].map(([parameter]) => parameter)
    for (const layer of [...head, ...lastStage])
      assert.ok(
        names.some((n) => n.startsWith(`${layer}.`)),
        layer,
      )
    assert.ok(head.every((layer) => lastStage.includes(layer)))
    const prefixes = (model as unknown as { headPrefixes(): string[] }).headPrefixes()
    assert.equal(
      head.map((layer) => `${layer}.`),
      prefixes,
    )
  }
})

test('names, parts and all of them choose what learns', () => {
  const learning = (name: string, layers?: string[]) => {
    const model = make(name)
    const { trained, total } = chooseTrainable(model, name, layers)
    const tops = [...model.namedParameters()].filter(([, p]) => p.requiresGrad).map(([n]) => n.split('.')[0])
    return { tops: [...new Set(tops)], trained, total }
  }
  assert.equal(learning('resnet18', ['head']).tops, ['fc'])
  assert.equal(learning('resnet18', ['head']).trained, 2 * 512 + 2)
  assert.equal(learning('resnet18', ['last-stage']), learning('resnet18', ['layer4', 'fc']))
  assert.equal(learning('vit-ti16', ['head']).tops, ['head'])
  assert.equal(learning('vit-ti16', ['last-stage']), learning('vit-ti16', ['blocks.11', 'norm', 'head']))
  assert.equal(learning('vit-ti16', ['all']), learning('vit-ti16'))
  const { trained, total } = learning('resnet18')
  assert.is(trained, total)
  assert.throws(
    () => learning('resnet18', ['fc', 'tail']),
    /^trainable: must be names of this model such as conv1.*, got tail$/,
  )
})

test('preprocessing follows the library whose names the weights have, then what lies beside them', () => {
  const named = (...names: string[]) => ({
    tensors: new Map(
      names.map((n): [string, TensorData] => [n, { dtype: 'f32', shape: [1], data: new Float32Array(1) }]),
    ),
    metadata: {},
    source: 'x',
  })
  const mean = (name: string, weights: ReturnType<typeof named> | null) => preprocessingOf(name, weights).mean[0]
  assert.is(mean('resnet18', null), 0.485)
  assert.is(mean('resnet18', named('fc.weight')), 0.485)
  assert.is(mean('vit-b16', null), 0.5)
  assert.is(mean('vit-b16', named('vit.layernorm.bias')), 0.5)
  assert.is(mean('vit-b16', named('class_token', 'encoder.ln.bias')), 0.485)
  const preprocessing = { imageSize: 48, mean: [0.1, 0.2, 0.3], std: [1, 1, 1] } as const
  assert.equal(preprocessingOf('vit-b16', { ...named('class_token'), preprocessing }), preprocessing)
})

test('what a row cannot do is refused by name', () => {
  assert.throws(() => make('resnet19'), /^model: must be one of resnet18, .*, got resnet19$/)
  const options = { numClasses: 2, imageSize: 32, checkpointActivations: true }
  assert.throws(
    () => createModel('resnet18', options),
    /^checkpointActivations: must be used with a Vision Transformer, got resnet18$/,
  )
  assert.is((createModel('vit-ti16', options) as models.VisionTransformer).checkpointActivations, true)
})

test('sizes of the presets with 1000 classes are those of torchvision', () => {
  const count = (model: Classifier) => model.parameters().reduce((sum, p) => sum + p.size, 0)
  assert.is(count(models.mobilenetV3Small()), 2_542_856)
  assert.is(count(models.efficientnetB0()), 5_288_548)
  assert.is(count(models.densenet121()), 7_978_856)
})

test('images that do not fit', () => {
  const gray = tensor(new Float32Array(32 * 32), [1, 32, 32, 1])
  for (const name of ['resnet50', 'densenet121', 'efficientnet-b0', 'mobilenet-v3-small']) {
    const model = createModel(name, { numClasses: 2, imageSize: 32 })
    assert.throws(() => model.forward(gray), /: needs images \[N, H, W, 3\], got \[1, 32, 32, 1\]$/)
  }
})

test("convnextTiny: torchvision's size, stochastic depth growing to 0.1", async () => {
  const model = models.convnextTiny({ numClasses: 1000 })
  assert.is(
    model.parameters().reduce((sum, p) => sum + p.size, 0),
    28_589_128,
  )
  const rates = [...model.modules()].flatMap((m) =>
    'stochasticDepth' in m ? [(m.stochasticDepth as { p: number }).p] : [],
  )
  assert.is(rates.length, 18)
  rates.forEach((p, i) => assert.ok(Math.abs(p - (0.1 * i) / 17) < 1e-9))
})

test.after(() => engine.dispose())
test.run()
