// The convolutional networks against torchvision's: names and shapes, logits in both modes, every parameter's gradient.
// RADIOGRAD_NETWORKS=all takes those as well that are too slow for each time.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, explain, init, models, tensor } from '../../src/index.js'
import { DenseNet } from '../../src/models/densenet.js'
import { type Classifier, createModel } from '../../src/models/registry.js'
import { Bottleneck, ResNet } from '../../src/models/resnet.js'
import { relativeError } from '../cases/case.js'
import { formulaState, gradientSummary, values } from './formula.js'

interface Truth {
  size: number
  batch: number
  image: string
  classes: number
  parameters: number
  names: string
  evaluated: number[]
  logits: number[]
  gradients: Record<string, [norm: number, probe: number]>
  /** How far torchvision's float32 is from its float64. */
  f32: { evaluated: number; logits: number; gradients: number }
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
    const state = await formulaState(model)
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
    const errors = {
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
      const error = off / Math.max(norm, 1e-3 * scale)
      if (!(error <= errors.gradients)) [errors.gradients, worst] = [error, key]
      count += p.size
    }
    assert.is(count, truth.parameters)
    const text = (e: typeof errors) =>
      Object.entries(e)
        .map(([what, value]) => `${what} ${value.toExponential(1)}`)
        .join(', ')
    console.log(`${name}: ${text(errors)} (${worst}); torchvision's f32: ${text(truth.f32)}`)
    // 1e-5 and 1e-4, or where float32 cannot do that, what it can.
    if (truth.f32.evaluated < 1e-4)
      assert.ok(errors.evaluated < Math.max(1e-5, 3 * truth.f32.evaluated), `evaluated off by ${errors.evaluated}`)
    assert.ok(errors.logits < Math.max(1e-5, 3 * truth.f32.logits), `logits off by ${errors.logits}`)
    assert.ok(errors.gradients < Math.max(1e-4, 3 * truth.f32.gradients), `${worst} off by ${errors.gradients}`)
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

test.after(() => engine.dispose())
test.run()
