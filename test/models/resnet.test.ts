// ResNet18 against torchvision: logits, five losses of Adam, first gradients, running statistics; all layers, and
// layer4 and fc only. Once with weights from a formula, and once with ImageNet weights where ../shared has them.
import * as assert from 'uvu/assert'
import { access, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import { F, init, loadCheckpoint, models, optim, tensor } from '../../src/index.js'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import { relativeError } from '../cases/case.js'
import { formulaState, gradientSummary, values } from './formula.js'

const root = new URL('../../../', import.meta.url)
const engine = await init()
const test = suite(`resnet18 (${engine.adapterKind})`)
const checkpoint = fileURLToPath(new URL('../shared/weights/resnet18_imagenet_to_layer3.pth', root))

type Image = [name: string, batch: number, size: number]

const image = ([name, batch, size]: Image) => tensor(values(name, [batch, size, size, 3], 2), [batch, size, size, 3])

/** The model of make_resnet.py: the formula's values under those of the checkpoint. */
async function build(numClasses: number, path: string | null) {
  const model = models.resnet18({ numClasses })
  model.loadStateDict(await formulaState(model))
  if (path) model.loadStateDict(await loadCheckpoint(path), { strict: false })
  return model
}

async function compare(file: string, path: string | null) {
  const { tensors, metadata } = parseSafetensors(
    new Uint8Array(await readFile(new URL(`test/fixtures/models/${file}`, root))),
    file,
  )
  const truth = (key: string) => tensors.get(key)!.data as Float32Array
  const setting = Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, JSON.parse(text)]))
  const report: string[] = []
  const failures: string[] = []
  const expect = (what: string, error: number, tolerance: number) => {
    report.push(`${what} ${error.toExponential(1)}`)
    if (!(error < tolerance)) failures.push(`${what} off by ${error.toExponential(1)}`)
  }

  const classifier = (await build(setting.evalClasses, path)).eval()
  const logits = await engine.step(() => classifier.forward(image(setting.evalImage)))
  expect('logits', relativeError(await logits.data(), truth('logits')), 1e-4)

  for (const mode of ['full', 'partial']) {
    const model = await build(2, path)
    model.freeze((name) => mode === 'partial' && !/^(layer4|fc)\./.test(name))
    model.train()
    const trainable = [...model.namedParameters()].filter(([, p]) => p.requiresGrad)
    assert.equal(trainable.map(([name]) => name).sort(), [...setting[`${mode}.names`]].sort())
    const adam = new optim.Adam(
      trainable.map(([, p]) => p),
      { lr: setting.lr },
    )
    const x = image(setting.image)
    const batch = setting.image[1]
    const y = tensor(
      Int32Array.from({ length: batch }, (_, i) => [0, 1, 1, 0][i % 4]),
      [batch],
    )
    const weight = tensor(setting.classWeight, [2])
    const step = engine.capture(() => {
      adam.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), y, { weight })
      loss.backward()
      adam.step()
      return loss
    })
    for (let i = 0; i < 5; i++) {
      const loss = await (await step()).item()
      expect(`${mode} loss ${i + 1}`, Math.abs(loss / truth(`${mode}.losses`)[i] - 1), 1e-4)
      if (i > 0) continue
      let [norms, probes] = [0, 0]
      for (const [name, p] of trainable) {
        const at = setting[`${mode}.names`].indexOf(name)
        const norm = truth(`${mode}.gradient.norms`)[at]
        const summary = await gradientSummary(name, p)
        norms = Math.max(norms, Math.abs(summary.norm / norm - 1))
        probes = Math.max(probes, Math.abs(summary.probe - truth(`${mode}.gradient.probes`)[at]) / norm)
      }
      expect(`${mode} gradient norms`, norms, 2e-4)
      expect(`${mode} gradient probes`, probes, 2e-4)
    }
    const state = await model.stateDict()
    const statistics = [...tensors.keys()].filter((key) => key.startsWith(`${mode}.`) && key.includes('running'))
    assert.is(statistics.length, 10)
    expect(
      `${mode} running statistics`,
      Math.max(
        ...statistics.map((key) =>
          relativeError(state.get(key.slice(mode.length + 1))!.data as Float32Array, truth(key)),
        ),
      ),
      1e-5,
    )
    assert.is(Number(state.get('bn1.num_batches_tracked')!.data[0]), 5)
  }
  console.log(`${file}: ${report.join(', ')}`)
  assert.is(failures.join('\n'), '')
}

test('weights from a formula', () => compare('resnet18.safetensors', null))

const present = await access(checkpoint).then(
  () => true,
  () => false,
)
if (present) test('ImageNet weights', () => compare('resnet18_pretrained.safetensors', checkpoint))
else console.log('skip: ../shared/weights/resnet18_imagenet_to_layer3.pth is absent')

test.after(() => engine.dispose())
test.run()
