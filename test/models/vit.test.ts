// Vision Transformers against PyTorch, under three libraries' names: logits, losses of Adam, first gradients;
// state dicts that go back to the library they came from; position embeddings of another size; bad checkpoints and
// options.
import * as assert from 'uvu/assert'
import { access, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import { F, init, loadCheckpoint, models, optim, tensor } from '../../src/index.js'
import type { VitOptions } from '../../src/models/vit.js'
import { dialects, namesIn, toDialect } from '../../src/weights/dialects.js'
import { resizePositions } from '../../src/weights/positions.js'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import type { TensorData } from '../../src/weights/safetensors.js'
import { hwioToOihw } from '../../src/weights/statedict.js'
import { relativeError } from '../cases/case.js'
import { parameter, uniform, values } from './formula.js'
import { refused } from '../errors.js'

type Library = keyof typeof dialects
interface Setting {
  dialect: Library
  batch: number
  lr: number
  classes: number
  names: string[]
  options: VitOptions
}

const root = new URL('../../../', import.meta.url)
const engine = await init()
const test = suite(`vit (${engine.adapterKind})`)
const checkpoint = fileURLToPath(new URL('../shared/weights/vit_tiny_patch16_224.pth', root))

async function fixture(file: string) {
  const { tensors, metadata } = parseSafetensors(
    new Uint8Array(await readFile(new URL(`test/fixtures/models/${file}`, root))),
    file,
  )
  const settings = Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, JSON.parse(text)]))
  return {
    truth: (key: string) => tensors.get(key)!.data as Float32Array,
    classWeight: settings.classWeight as number[],
    settings,
  }
}

const small = { imageSize: 32, patchSize: 8, dim: 64, depth: 3, heads: 4, mlpDim: 128 }

/** A state dict of formula values under a library's names. */
async function formulaState(options: VitOptions, dialect: Library): Promise<Map<string, TensorData>> {
  const model = models.vit(options)
  const state = toDialect(dialect, await model.stateDict())
  for (const [name, { shape }] of state) state.set(name, { dtype: 'f32', shape, data: parameter(name, shape) })
  return state
}

const image = (batch: number, size: number) =>
  tensor(values(`image.${size}`, [batch, size, size, 3], 2), [batch, size, size, 3])

/** Five steps of Adam, two of a large model: what is wrong in a step shows in the second. */
async function compare(file: string, name: string, path: string | null, steps = 5) {
  const { truth, classWeight, settings } = await fixture(file)
  const { dialect, batch, lr, classes, names, options }: Setting = settings[name]
  const report: string[] = []
  const failures: string[] = []
  const expect = (what: string, error: number, tolerance: number) => {
    report.push(`${what} ${error.toExponential(1)}`)
    if (!(error < tolerance)) failures.push(`${what} off by ${error.toExponential(1)}`)
  }
  const build = async (numClasses: number) => {
    const model = models.vit({ ...options, numClasses })
    model.loadStateDict(await formulaState({ ...options, numClasses }, dialect))
    if (path) model.loadStateDict(await loadCheckpoint(path), { strict: false })
    return model
  }
  const x = image(batch, options.imageSize!)
  const classifier = (await build(classes)).eval()
  const logits = await engine.step(() => classifier.forward(x))
  expect('logits', relativeError(await logits.data(), truth(`${name}.logits`)), 1e-4)

  const model = classes === 2 ? classifier.train() : await build(2)
  const adam = new optim.Adam(model.parameters(), { lr })
  const y = tensor(Int32Array.from({ length: batch }, (_, i) => [0, 1, 1, 0][i % 4]))
  const weight = tensor(classWeight, [2])
  const step = engine.capture(() => {
    adam.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y, { weight })
    loss.backward()
    adam.step()
    return loss
  })
  for (let i = 0; i < steps; i++) {
    const loss = await (await step()).item()
    expect(`loss ${i + 1}`, Math.abs(loss / truth(`${name}.losses`)[i] - 1), 1e-4)
    if (i > 0) continue
    const gradients = new Map<string, TensorData>()
    for (const [own, p] of model.namedParameters()) {
      const [h, w, cin, cout] = p.shape
      const shape = cout ? [cout, cin, h, w] : p.shape
      const data = await p.grad!.data()
      gradients.set(own, { dtype: 'f32', shape, data: cout ? hwioToOihw(data, shape) : data })
    }
    let [norms, probes] = [0, 0]
    const written = toDialect(dialect, gradients)
    assert.equal([...written.keys()].sort(), [...names].sort())
    // Adding one number to all keys changes no softmax: their bias has no gradient but rounding, so it is measured
    // against its layer's.
    const scale = (n: string) => truth(`${name}.gradient.norms`)[names.indexOf(n.replace(/key\.bias$/, 'query.bias'))]
    for (const [n, { data }] of written) {
      const direction = uniform(`probe.${n}`, data.length)
      let [squares, probe] = [0, 0]
      ;(data as Float32Array).forEach((g, j) => {
        squares += g * g
        probe += g * direction[j]
      })
      const at = names.indexOf(n)
      norms = Math.max(norms, Math.abs(Math.sqrt(squares) - truth(`${name}.gradient.norms`)[at]) / scale(n))
      probes = Math.max(probes, Math.abs(probe - truth(`${name}.gradient.probes`)[at]) / scale(n))
    }
    expect('gradient norms', norms, 2e-4)
    expect('gradient probes', probes, 2e-4)
  }
  console.log(`${name}: ${report.join(', ')}`)
  assert.is(failures.join('\n'), '')
}

for (const name of ['timm', 'huggingface', 'torchvision'])
  test(`${name}: weights from a formula`, () => compare('vit.safetensors', name, null))
if (process.env.RADIOGRAD_NETWORKS === 'all')
  test('vit_b_16: weights from a formula', () => compare('vit.safetensors', 'vit_b_16', null, 2))
else console.log('skip: ViT-B/16 from a formula, a minute more with RADIOGRAD_NETWORKS=all')

const present = await access(checkpoint).then(
  () => true,
  () => false,
)
if (present) test('ImageNet weights of ViT-Ti', () => compare('vit_pretrained.safetensors', 'pretrained', checkpoint))
else console.log('skip: ../shared/weights/vit_tiny_patch16_224.pth is absent')

for (const dialect of Object.keys(dialects) as Library[]) {
  test(`a state dict goes back to ${dialects[dialect].title}, bit for bit`, async () => {
    const state = await formulaState({ ...small, numClasses: 5 }, dialect)
    const model = models.vit({ ...small, numClasses: 5 })
    assert.equal(model.loadStateDict(state), { loaded: 44, missing: [], unexpected: [], reinitialised: [] })
    const back = await model.stateDict()
    assert.equal([...back.keys()].sort(), [...state.keys()].sort())
    for (const [name, { shape, data }] of state) {
      assert.equal(back.get(name)!.shape, [...shape], name)
      assert.equal(back.get(name)!.data, data, name)
    }
    assert.is(model.norm!.eps, dialect === 'huggingface' ? 1e-12 : 1e-6)
  })
}

test("a head of another size starts fresh, under the checkpoint's names", async () => {
  const state = await formulaState({ ...small, numClasses: 5 }, 'huggingface')
  state.set('vit.pooler.dense.weight', { dtype: 'f32', shape: [1], data: new Float32Array(1) })
  state.delete('vit.layernorm.bias')
  const model = models.vit({ ...small, numClasses: 2 })
  const { loaded, missing, unexpected, reinitialised } = model.loadStateDict(state, { strict: false })
  assert.is(loaded, 41)
  assert.equal(missing, ['vit.layernorm.bias'])
  assert.equal(unexpected, ['vit.pooler.dense.weight'])
  assert.equal(
    reinitialised.map((r) => r.name),
    ['classifier.weight', 'classifier.bias'],
  )
})

test("older names: torchvision's numbered MLPs, a bare ViTModel", async () => {
  const load = async (dialect: Library, rename: (name: string) => string) => {
    const state = await formulaState({ ...small, numClasses: 2 }, dialect)
    const renamed = new Map([...state].map(([name, data]) => [rename(name), data]))
    assert.not.equal([...renamed.keys()], [...state.keys()])
    const model = models.vit({ ...small, numClasses: 2 })
    assert.equal(model.loadStateDict(renamed).missing, [])
    assert.is(model.dialect, dialect)
  }
  await load('torchvision', (name) => name.replace('.mlp.0.', '.mlp.linear_1.').replace('.mlp.3.', '.mlp.linear_2.'))
  await load('huggingface', (name) => name.replace(/^vit\./, ''))
})

test('position embeddings of another size, as PyTorch resizes them', async () => {
  const { truth } = await fixture('vit.safetensors')
  for (const [from, to] of [
    [7, 4],
    [4, 7],
    [14, 9],
    [3, 3],
  ]) {
    const position = {
      dtype: 'f32' as const,
      shape: [1, from * from + 1, 8],
      data: values(`position.${from}`, [1, from * from + 1, 8]),
    }
    const { shape, data } = resizePositions(position, to, 1, 'test')
    assert.equal([...shape], [1, to * to + 1, 8])
    assert.ok(relativeError(data as Float32Array, truth(`position.${from}.${to}`)) < 1e-6, `${from} to ${to}`)
  }
  const state = await formulaState({ ...small, numClasses: 2 }, 'timm')
  const larger = models.vit({ ...small, imageSize: 48, numClasses: 2 })
  larger.loadStateDict(state)
  const logits = await engine.step(() => larger.forward(image(2, 48)))
  assert.ok((await logits.data()).every(Number.isFinite))
})

test('the mean of all patches instead of a class token, dropout, stochastic depth: trains', async () => {
  const model = models.vit({ ...small, numClasses: 2, pool: 'mean', dropout: 0.1, dropPath: 0.2 })
  const adam = new optim.Adam(model.parameters(), { lr: 1e-3 })
  const [x, y] = [image(4, 32), tensor(Int32Array.of(0, 1, 1, 0))]
  assert.ok([...model.namedParameters()].some(([name]) => name === 'fc_norm.weight'))
  const step = engine.capture(() => {
    adam.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    adam.step()
    return loss
  })
  const losses: number[] = []
  for (let i = 0; i < 12; i++) losses.push(await (await step()).item())
  assert.ok(losses.at(-1)! < losses[0] / 2, losses.join(' '))
})

test('options that do not fit', () => {
  refused(() => models.vit({ ...small, heads: 5 }), 'vit: heads must divide dim, got 5 and 64')
  refused(
    () => models.vit({ ...small, imageSize: 30 }),
    "imageSize: must be a multiple of the vit's patchSize, got 30 and 8",
  )
  refused(
    () => models.vit({ ...small, heads: 32 }),
    'Attention: dim / heads must be a multiple of 4 up to 128, got 64 / 32 = 2',
  )
  refused(() => models.vit({ ...small, depth: 0.5 }), 'vit: depth must be a whole number of at least 1, got 0.5')
  const model = models.vit({ ...small, numClasses: 2 })
  refused(() => model.forward(image(1, 48)), 'vit: needs images [N, 32, 32, 3], got [1, 48, 48, 3]')
})

test('checkpoints that do not fit', async () => {
  const state = await formulaState({ ...small, numClasses: 2 }, 'huggingface')
  const model = models.vit({ ...small, numClasses: 2 })
  const load = (tensors: Map<string, TensorData>) => () =>
    model.loadStateDict({ tensors, metadata: {}, source: 'x.safetensors' })
  const timm = await formulaState({ ...small, numClasses: 2 }, 'timm')
  refused(
    load(new Map([...state, ['blocks.0.norm1.weight', timm.get('blocks.0.norm1.weight')!]])),
    "x.safetensors: must have the names of one library, got Hugging Face's vit.embeddings.cls_token and timm's blocks.0.norm1.weight",
  )
  const key = namesIn('huggingface', 'blocks.1.attn.qkv.weight')[1]
  refused(
    load(new Map([...state].filter(([name]) => name !== key))),
    `x.safetensors: queries, keys and values must come together, got no ${key}`,
  )
  refused(
    load(new Map([...timm].map(([name, t]) => [name, name === 'pos_embed' ? { ...t, shape: [1, 8, 136] } : t]))),
    'x.safetensors: position embeddings must be [1, n² + 1, C], got [1, 8, 136]',
  )
  refused(
    load(new Map([['fc.weight', timm.get('norm.weight')!]])),
    'x.safetensors: does not fit the model, missing cls_token, pos_embed, patch_embed.proj.weight, patch_embed.proj.bias, ' +
      'blocks.0.norm1.weight and 39 more; unexpected fc.weight',
  )
})

test.after(() => engine.dispose())
test.run()
