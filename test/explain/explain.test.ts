// Heat maps against PyTorch (test/fixtures/explain/make.py): small models with formula weights, and ten radiographs
// with real weights where ../shared has them; that the model is left as it was; and what is done with maps on the host.
import { access, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { placeless } from '../../src/explain/map.js'
import { type Tensor, explain, init, loadCheckpoint, loadImage, models, tensor } from '../../src/index.js'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import type { TensorData } from '../../src/weights/safetensors.js'
import { formulaState, values } from '../models/formula.js'

const engine = await init()
const test = suite(`explain (${engine.adapterKind})`)
test.after(() => engine.dispose())
const root = new URL('../../../', import.meta.url)
const shared = fileURLToPath(new URL('../shared/', root))
const fixture = async (name: string) =>
  parseSafetensors(new Uint8Array(await readFile(new URL(`test/fixtures/explain/${name}`, root))), name)
const small = await fixture('explain.safetensors')

/** A model with the formula's values. */
async function formula<M extends models.ResNet | models.VisionTransformer>(model: M): Promise<M> {
  model.loadStateDict(await formulaState(model))
  return model
}
const resnet = await formula(models.resnet18({ numClasses: 3 }))
const vit = await formula(models.vit({ imageSize: 20, patchSize: 4, dim: 32, depth: 3, heads: 4, numClasses: 3 }))
/** A method in a step, read. */
const run = async (method: (asked?: number | number[]) => explain.Explained, asked?: number | number[]) =>
  explain.readExplanations(await engine.step(() => method(asked)), asked)
const cam = (model: models.ResNet | models.VisionTransformer, x: Tensor, asked?: number | number[], layer?: string) =>
  run((c) => explain.gradCam(model, x, { layer, class: c }), asked)
const gradient = (model: models.VisionTransformer, x: Tensor, asked?: number) =>
  run((c) => explain.attentionGradient(model, x, { class: c }), asked)
const rollout = (model: models.VisionTransformer, x: Tensor) => run(() => explain.attentionRollout(model, x))

const images = tensor(values('images', [2, 96, 96, 3], 2), [2, 96, 96, 3])
const tokens = tensor(values('tokens', [2, 20, 20, 3], 2), [2, 20, 20, 3])

/** Pearson's correlation. */
function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (v: Float32Array) => v.reduce((s, x) => s + x, 0) / v.length
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  a.forEach((x, i) => {
    ab += (x - ma) * (b[i] - mb)
    aa += (x - ma) ** 2
    bb += (b[i] - mb) ** 2
  })
  return ab / Math.sqrt(aa * bb)
}

/** Each map like PyTorch's, both divided by their greatest value; says how like. */
function compare(found: explain.Explanation[], truth: Map<string, TensorData>, name: string, kind: string): string {
  const { shape, data } = truth.get(name)!
  const classes = truth.get(name.startsWith('vit') ? 'vit.class' : `${name}.class`)!
  assert.equal(
    found.map((f) => f.class),
    [...(classes.data as Int32Array)],
    name,
  )
  let [least, worst] = [1, 0]
  found.forEach(({ map, probabilities }, i) => {
    assert.equal([map.height, map.width], shape.slice(1))
    assert.ok(Math.abs(probabilities.reduce((s, p) => s + p, 0) - 1) < 1e-5)
    const ours = explain.normalised(map).values
    const theirs = (data as Float32Array).subarray(i * ours.length, (i + 1) * ours.length)
    least = Math.min(least, correlation(ours, theirs))
    ours.forEach((v, at) => (worst = Math.max(worst, Math.abs(v - theirs[at]))))
  })
  const words = `${name} ${kind}: correlation ${least.toFixed(8)} or more, off by ${worst.toExponential(1)} at most`
  assert.ok(least > 0.999 && worst < 1e-3, words)
  return words
}

test('as PyTorch, with formula weights', async () => {
  resnet.train()
  resnet.freeze((name) => name.startsWith('conv1'))
  const before = await resnet.stateDict()
  const lines = [
    compare(await cam(resnet, images), small.tensors, 'resnet.layer4', 'Grad-CAM'),
    compare(await cam(resnet, images, [2, 1], 'layer3.1'), small.tensors, 'resnet.layer3', 'Grad-CAM'),
    compare(await cam(vit, tokens), small.tensors, 'vit.cam', 'Grad-CAM'),
    compare(await rollout(vit, tokens), small.tensors, 'vit.rollout', ''),
    compare(await gradient(vit, tokens), small.tensors, 'vit.gradient', ''),
  ]
  console.log(lines.join('\n'))
  // Left as it was: mode, what learns, weights and statistics; no gradient has come to a parameter; nothing is wrapped.
  assert.ok([...resnet.modules()].every((module) => module.training))
  for (const [name, p] of resnet.namedParameters()) {
    assert.is(p.requiresGrad, !name.startsWith('conv1'))
    assert.is(p.grad, null)
  }
  const after = await resnet.stateDict()
  for (const [name, { data }] of before) assert.equal(after.get(name)!.data, data)
  for (const model of [resnet, vit])
    for (const module of model.modules()) assert.not.ok(Object.hasOwn(module, 'forward'))
})

test('captured once, replayed for other images', async () => {
  const step = engine.capture(({ x }: { x: Tensor }) => explain.gradCam(resnet, x, { layer: 'layer3' }))
  const turned = tensor(values('images', [2, 96, 96, 3], -2), [2, 96, 96, 3])
  for (const x of [images, turned, images])
    assert.equal(await explain.readExplanations(await step({ x })), await cam(resnet, x, undefined, 'layer3'))
})

test('activations computed again, another class, the same twice', async () => {
  const first = await gradient(vit, tokens, 1)
  vit.checkpointActivations = true
  assert.equal(await gradient(vit, tokens, 1), first)
  assert.ok(vit.checkpointActivations)
  vit.checkpointActivations = false
  const other = await gradient(vit, tokens, 2)
  assert.equal(
    other.map((e) => e.class),
    [2, 2],
  )
  assert.not.equal(other[0].map.values, first[0].map.values)
})

test('what cannot be explained is refused in one line, and leaves the model usable', async () => {
  const refused = (run: Promise<unknown>, message: string) =>
    run.then(
      () => assert.unreachable(message),
      (error) => assert.is(error.message, message),
    )
  await refused(
    cam(resnet, images, undefined, 'layer5'),
    "gradCam: layer must name a module of the model, such as layer4 or blocks.10, got 'layer5'",
  )
  await refused(
    cam(resnet, images, undefined, 'bn1'),
    "gradCam: layer must be run on its own, got 'bn1', which the model runs fused with another",
  )
  await refused(
    cam(resnet, images, undefined, 'fc'),
    "gradCam: the layer's output must be [N, h, w, C] or tokens [N, T, D], got [2, 3]",
  )
  await refused(cam(resnet, images, 3), 'gradCam: class must be a whole number in 0..2, got 3')
  const broken = tensor(values('images', [1, 96, 96, 3], 2).fill(NaN, 0, 9), [1, 96, 96, 3])
  await refused(cam(resnet, broken), 'explain: image 0: logits must be finite, got NaN')
  assert.is((await cam(resnet, images)).length, 2)
})

test('randomised weights change the map, and are put back', async () => {
  const before = await cam(resnet, images, undefined, 'layer3')
  const state = await resnet.stateDict()
  const check = () => explain.withRandomisedWeights(resnet, before, (classes) => cam(resnet, images, classes, 'layer3'))
  const random = await check()
  for (const { correlation } of random) assert.ok(Math.abs(correlation) < 0.9, `correlation ${correlation}`)
  assert.equal((await check())[0].correlation, random[0].correlation)
  const after = await resnet.stateDict()
  for (const [name, { data }] of state) assert.equal(after.get(name)!.data, data)
  assert.is(explain.mapCorrelation(before[0].map, before[0].map), 1)
  const flat = { ...before[0].map, values: new Float32Array(before[0].map.values.length) }
  assert.ok(Number.isNaN(explain.mapCorrelation(flat, before[0].map)))
})

test('maps on the host: upsampled as PyTorch, placed where the model looked, coloured, measured', () => {
  const map = { height: 3, width: 5, values: small.tensors.get('map')!.data as Float32Array }
  const truth = small.tensors.get('map.upsampled')!.data as Float32Array
  explain.upsample(map, 11, 8).values.forEach((v, i) => assert.ok(Math.abs(v - truth[i]) < 1e-6))

  // 400 × 300, shorter side to 150, the middle 100 × 100: in the image the middle 200 × 200.
  const steps = [
    { kind: 'Resize', size: 150 },
    { kind: 'CenterCrop', size: [100, 100] },
  ] as const
  const region = explain.seenRegion({ width: 400, height: 300 }, steps)
  assert.equal(region, { left: 100, top: 50, width: 200, height: 200 })
  const ones = { height: 2, width: 2, values: new Float32Array(4).fill(1) }
  const placed = explain.upsample(ones, 300, 400, region)
  assert.is(
    placed.values.reduce((a, b) => a + b, 0),
    200 * 200,
  )
  assert.equal([placed.values[50 * 400 + 100], placed.values[49 * 400 + 100], placed.values[50 * 400 + 99]], [1, 0, 0])
  assert.equal(explain.seenRegion({ width: 400, height: 300 }, [{ kind: 'Resize', size: [224, 224] }]), {
    left: 0,
    top: 0,
    width: 400,
    height: 300,
  })

  const gray = { width: 2, height: 1, data: Uint8Array.of(100, 100, 100, 100, 100, 100) }
  const over = explain.overlay(gray, { height: 1, width: 2, values: Float32Array.of(0, 1) }, { opacity: 0.5 })
  assert.equal([...over.data], [100, 100, 100, 176, 178, 132])
  assert.equal(explain.heatColour(0), [0, 0, 4])
  assert.equal(explain.heatColour(2), [252, 255, 164])

  const even = explain.borderShare({ height: 7, width: 7, values: new Float32Array(49).fill(2) })
  assert.ok(Math.abs(even.share - 0.36) < 1e-12 && Math.abs(even.area - 0.36) < 1e-12)
  const spot = (at: number) => Float32Array.from({ length: 400 }, (_, i) => Number(i === at))
  assert.is(explain.borderShare({ height: 20, width: 20, values: spot(0) }).share, 1)
  assert.is(explain.borderShare({ height: 20, width: 20, values: spot(210) }).share, 0)
  assert.ok(Number.isNaN(explain.borderShare({ height: 20, width: 20, values: spot(-1) }).share))
})

const weights = ['resnet18_imagenet_to_layer3.pth', 'vit_tiny_patch16_224.pth'].map(
  (name) => `${shared}weights/${name}`,
)
const present = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )
const slow = engine.adapterKind === 'swiftshader' // minutes
if (!slow && (await present(weights[0])) && (await present(`${shared}data/chest_xray`)))
  test('as PyTorch, ten radiographs with real weights', async () => {
    const { tensors, metadata } = await fixture('pretrained.safetensors')
    const names = JSON.parse(metadata.images) as string[]
    const read = await Promise.all(names.map((name) => loadImage({ path: name, file: shared + name, steps: [] })))
    const batch = (mean: number[], std: number[]): Tensor => {
      const x = read.flatMap(({ data }) => Array.from(data, (v, i) => (v / 255 - mean[i % 3]) / std[i % 3]))
      return tensor(Float32Array.from(x), [read.length, 224, 224, 3])
    }
    const cnn = await formula(models.resnet18())
    cnn.loadStateDict(await loadCheckpoint(weights[0]), { strict: false })
    const tiny = models.vitTiny()
    tiny.loadStateDict(await loadCheckpoint(weights[1]))
    const x = batch([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
    const lines = [
      compare(
        await cam(cnn, batch([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])),
        tensors,
        'resnet.layer4',
        'Grad-CAM',
      ),
      compare(await cam(tiny, x), tensors, 'vit.cam', 'Grad-CAM'),
      compare(await rollout(tiny, x), tensors, 'vit.rollout', ''),
      compare(await gradient(tiny, x), tensors, 'vit.gradient', ''),
    ]
    console.log(lines.join('\n'))
  })
else console.log('skip: ten radiographs need ../shared, and another adapter than SwiftShader')

test('a map that shows no place says so', () => {
  const of = (height: number, width: number, ...values: number[]) =>
    placeless({ height, width, values: Float32Array.from(values) })
  assert.match(of(1, 1, 3)!, 'one cell')
  assert.match(of(1, 1, 0)!, 'empty')
  assert.match(of(2, 2, 0, 0, 0, 0)!, 'empty')
  assert.match(of(2, 2, 1, 1, 1, 1)!, 'same everywhere')
  assert.is(of(2, 2, 1, 1, 1, 0), null)
})

test.run()
