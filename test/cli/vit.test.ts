// Vision Transformers through the command line: weights of Hugging Face's layout in, the same names out; memory planned
// beforehand.
import * as assert from 'uvu/assert'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { writeSyntheticDataset } from '../../src/data/synthetic.node.js'
import { init, models } from '../../src/index.js'
import { toDialect } from '../../src/weights/dialects.js'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import { type TensorData, safetensorsBytes } from '../../src/weights/safetensors.js'
import { radiograd, scratch } from './command.js'

const test = suite('vit by command line')
const dir = scratch()
const data = join(dir, 'data')
const weights = join(dir, 'weights')
await writeSyntheticDataset(data, { train: 16, test: 6, size: 32 })

const MEAN = [0.4, 0.5, 0.6]
const SETTINGS = ['--model', 'vit-ti16', '--batch-size', '8', '--epochs', '1', '--lr', '1e-4', '--val-split', '0.2']
const train = (out: string, ...more: string[]) =>
  radiograd(['train', '--data', data, ...SETTINGS, '--out', join(dir, out), ...more])

/** ViT-Ti for 48 px images and 7 classes, as Hugging Face's hub would hold it, in two shards. */
test.before(async () => {
  const engine = await init({ seed: 5 })
  const state = toDialect('huggingface', await models.vitTiny({ imageSize: 48, numClasses: 7 }).stateDict())
  engine.dispose()
  mkdirSync(weights)
  const names = [...state.keys()]
  const weight_map: Record<string, string> = {}
  for (const [i, half] of [names.slice(0, 50), names.slice(50)].entries()) {
    const file = `model-0000${i + 1}-of-00002.safetensors`
    for (const name of half) weight_map[name] = file
    writeFileSync(join(weights, file), safetensorsBytes(new Map(half.map((name) => [name, state.get(name)!]))))
  }
  writeFileSync(join(weights, 'model.safetensors.index.json'), JSON.stringify({ weight_map }))
  writeFileSync(
    join(weights, 'preprocessor_config.json'),
    JSON.stringify({ image_mean: MEAN, image_std: [0.5, 0.5, 0.5], size: 48 }),
  )
})

const read = (out: string) => parseSafetensors(readFileSync(join(dir, out, 'best.safetensors')), out)

test('train takes names, sizes and preprocessing from the weights and hands them on', async () => {
  const { code, stdout, stderr } = await train('a', '--weights', weights)
  assert.is(code, 0, stderr)
  assert.match(stdout, 'model     vit-ti16 at 48 px')
  assert.match(
    stdout,
    /150 of 152 tensors loaded; 0 missing, 2 re-initialised, 0 unexpected\n\s+of another size, start fresh: classifier\n/,
  )
  assert.match(stdout, 'training  5.49 M of 5.49 M parameters in all layers')
  const { tensors, metadata } = read('a')
  assert.equal(tensors.get('vit.encoder.layer.11.attention.attention.key.weight')!.shape, [192, 192])
  assert.equal(tensors.get('classifier.weight')!.shape, [2, 192])
  assert.equal([metadata.model, metadata.imageSize, metadata.mean], ['vit-ti16', '48', JSON.stringify(MEAN)])
  const run = JSON.parse(readFileSync(join(dir, 'a/run.json'), 'utf8'))
  assert.equal(run.settings.mean, MEAN)

  const evaluated = await radiograd(['eval', '--data', data, '--checkpoint', join(dir, 'a/best.safetensors'), '--json'])
  assert.is(evaluated.code, 0, evaluated.stderr)
  assert.is(JSON.parse(evaluated.stdout).auc, JSON.parse(readFileSync(join(dir, 'a/metrics.json'), 'utf8')).auc)

  const again = await train('b', '--weights', join(dir, 'a/best.safetensors'), '--image-size', '32')
  assert.is(again.code, 0, again.stderr)
  assert.match(again.stdout, '152 of 152 tensors loaded')
  assert.equal(read('b').tensors.get('vit.embeddings.position_embeddings')!.shape, [1, 5, 192])
})

test('parts and recomputed activations: the same training but for rounding; twice the same bytes', async () => {
  const flags = ['--weights', weights, '--grad-accumulation', '3', '--checkpoint-activations']
  for (const out of ['c', 'd']) assert.is((await train(out, ...flags)).code, 0)
  assert.ok(readFileSync(join(dir, 'c/best.safetensors')).equals(readFileSync(join(dir, 'd/best.safetensors'))))
  const [whole, cut] = [read('a').tensors, read('c').tensors]
  for (const [name, { data: a }] of whole) {
    const b = cut.get(name)!.data as Float32Array
    let [difference, size] = [0, 0]
    ;(a as Float32Array).forEach((v, i) => {
      difference += (v - b[i]) ** 2
      size += v * v
    })
    // Adam turns the rounding of a gradient near 0, such as that of the keys' bias, into a step of its own.
    assert.ok(difference <= 1e-4 * size || name.endsWith('.bias'), `${name} ${difference} ${size}`)
  }
})

test('a dry run prints what training then takes, and writes nothing', async () => {
  const dry = await train('e', '--image-size', '48', '--dry-run', '--json')
  assert.is(dry.code, 0, dry.stderr)
  const planned = JSON.parse(dry.stdout)
  assert.not(existsSync(join(dir, 'e')))
  const taken = JSON.parse(readFileSync(join(dir, 'a/run.json'), 'utf8')).gpuMemory
  assert.ok(
    Math.abs(planned.peakBytes / taken.peakBytes - 1) < 0.05,
    `${planned.peakBytes} planned, ${taken.peakBytes} taken`,
  )
  assert.is(planned.uses.optimizer, taken.uses.optimizer)
  const text = (await train('e', '--dry-run', '--image-size', '48')).stdout
  assert.match(
    text,
    /memory    \d+(\.\d)? MiB: weights [\d.]+ MiB, gradients [\d.]+ MiB, optimizer [\d.]+ MiB, activations and workspace [\d.]+ MiB, other/,
  )
  const saving = JSON.parse(
    (await train('e', '--dry-run', '--image-size', '48', '--checkpoint-activations', '--json')).stdout,
  )
  assert.ok(saving.planned < planned.planned)
})

test('what does not fit: one line, exit 2 for a flag and 1 for a file, nothing written', async () => {
  const fails = async (message: RegExp, ...args: string[]) => {
    const { code, stderr } = await train('f', ...args)
    assert.is(code, args[0] === '--weights' ? 1 : 2)
    assert.match(stderr, message)
    assert.is(stderr.trimEnd().split('\n').length, 1, stderr)
    assert.not(existsSync(join(dir, 'f')))
  }
  await fails(
    /^radiograd: --image-size: must be a multiple of the vit's patchSize, got 40 and 16\n$/,
    '--image-size',
    '40',
  )
  await fails(
    /^radiograd: --checkpoint-activations: must be used with a Vision Transformer, got resnet18\n$/,
    '--checkpoint-activations',
    '--model',
    'resnet18',
  )
  const one = (name: string): [string, TensorData] => [name, { dtype: 'f32', shape: [1], data: new Float32Array(1) }]
  writeFileSync(
    join(dir, 'mixed.safetensors'),
    safetensorsBytes(new Map([one('vit.layernorm.bias'), one('encoder.ln.bias')])),
  )
  await fails(
    /mixed.safetensors: must have the names of one library, got torchvision's encoder.ln.bias and Hugging Face's vit.layernorm.bias\n$/,
    '--weights',
    join(dir, 'mixed.safetensors'),
  )
  rmSync(join(weights, 'model-00002-of-00002.safetensors'))
  await fails(
    /its shard model-00002-of-00002.safetensors must be beside it for \S+ and \d+ more, got no such file\n$/,
    '--weights',
    weights,
  )
})

test.run()
