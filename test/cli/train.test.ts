// train → eval → predict on a small generated set, twice: what is written, what is printed, and that both runs write
// the same bytes.
import * as assert from 'uvu/assert'
import { type ChildProcess, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { decodeImage } from '../../src/data/decode.js'
import { writeSyntheticDataset } from '../../src/data/synthetic.node.js'
import { readEvents } from '../train/events.js'
import { main, radiograd, scratch } from './command.js'

const test = suite('train, eval, predict')
const dir = scratch()
const data = join(dir, 'data')
await writeSyntheticDataset(data, { train: 18, test: 8, size: 32 })

const best = join(dir, 'a/best.safetensors')
const FILES = ['MODEL_CARD.md', 'best.safetensors', 'history.csv', 'metrics.json', 'predictions.csv', 'run.json']
const SETTINGS = ['--image-size', '32', '--batch-size', '8', '--epochs', '2', '--lr', '1e-3', '--val-split', '0.2']
const command = (out: string) => ['train', '--data', data, ...SETTINGS, '--out', join(dir, out)]
const train = (out: string, ...more: string[]) => radiograd([...command(out), ...more])
const bytes = (out: string, name: string) => readFileSync(join(dir, out, name))
const json = (out: string, name: string) => JSON.parse(bytes(out, name).toString())

interface Prediction {
  file: string
  class: string
  probability: number
  probabilities: Record<string, number>
  threshold: number
}

test('train writes six whole files and one JSON document', async () => {
  const { code, stdout, stderr } = await train('a', '--json')
  assert.is(code, 0, stderr)
  assert.equal(readdirSync(join(dir, 'a')).sort(), FILES)
  const printed = JSON.parse(stdout)
  const metrics = json('a', 'metrics.json')
  const ratios = ['accuracy', 'precision', 'recall', 'specificity', 'f1', 'auc', 'confusion', 'n']
  assert.equal(Object.keys(metrics), [...ratios, 'operatingPoint', 'measures', 'patients', 'mostProbable'])
  assert.equal(Object.keys(metrics.mostProbable), ratios)
  for (const name of ['sensitivity', 'ppv', 'npv', 'likelihoodRatioPositive', 'brier', 'ece'])
    assert.equal(Object.keys(metrics.measures[name]), ['estimate', 'low', 'high'])
  assert.equal(Object.keys(metrics.confusion), ['tn', 'fp', 'fn', 'tp'])
  assert.is(metrics.n, 8)
  for (const key in metrics) assert.equal(printed[key], metrics[key])
  assert.is(metrics.operatingPoint.rule, "Youden's index")
  assert.match(stderr, /^epoch 1\/2  loss \d/m)

  const history = bytes('a', 'history.csv').toString().trimEnd().split('\n')
  assert.is(history.length, 3)
  const run = json('a', 'run.json')
  assert.is(run.settings.imageSize, 32)
  assert.is(run.settings.lr, 1e-3)
  assert.is(run.stopped, 'completed')
  assert.equal(run.images.test, { NORMAL: 3, PNEUMONIA: 5 })
  assert.ok(run.seconds > 0 && run.adapter.name && run.versions.radiograd && run.versions.webgpu !== 'unknown')
  const header = bytes('a', 'best.safetensors')
  const { __metadata__ } = JSON.parse(header.subarray(8, 8 + Number(header.readBigUInt64LE(0))).toString())
  assert.equal(JSON.parse(__metadata__.classes), ['NORMAL', 'PNEUMONIA'])
  assert.equal([__metadata__.model, __metadata__.imageSize, __metadata__.seed], ['resnet18', '32', '0'])
  assert.equal(JSON.parse(__metadata__.operatingPoint), metrics.operatingPoint)
})

test('the same command writes the same bytes, also when its reader leaves after a line', async () => {
  const leave = { when: /\n/, then: (child: ChildProcess) => void child.stdout!.destroy() }
  const { code, stderr } = await radiograd([...command('b'), '--tensorboard'], leave)
  assert.is(code, 0, stderr)
  assert.match(stderr, /^radiograd: stdout: nobody reads it any more; the work goes on$/m)
  assert.equal(
    readdirSync(join(dir, 'b'))
      .filter((name) => !name.includes('tfevents'))
      .sort(),
    FILES,
  )
  assert.ok(bytes('a', 'best.safetensors').equals(bytes('b', 'best.safetensors')), 'best.safetensors differs')
  assert.ok(bytes('a', 'metrics.json').equals(bytes('b', 'metrics.json')), 'metrics.json differs')
})

test('--tensorboard leaves an event file an epoch, which a reader of its own finds to hold what history.csv holds', () => {
  const [head, ...rows] = bytes('b', 'history.csv').toString().trimEnd().split('\n')
  const columns = head.split(',')
  const files = readdirSync(join(dir, 'b')).filter((name) => name.includes('tfevents'))
  assert.equal([rows.length, files.length], [2, 2])
  files.sort().forEach((name, i) => {
    const [first, event, ...rest] = readEvents(bytes('b', name))
    assert.equal([first.version, event.version, rest], ['brain.Event:2', null, []])
    assert.is(event.step, i + 1)
    assert.ok(Math.abs(event.wallTime - Date.now() / 1000) < 3600)
    const of = (column: string) => Math.fround(Number(rows[i].split(',')[columns.indexOf(column)]))
    const expected = {
      'loss/train': of('trainLoss'),
      'loss/validation': of('valLoss'),
      'accuracy/train': of('trainAccuracy'),
      'accuracy/validation': of('valAccuracy'),
      'auc/validation': of('valAuc'),
      'learning rate': of('lr'),
    }
    const { 'images per second': rate, ...scalars } = event.scalars
    assert.ok(rate > 0)
    assert.equal(scalars, expected)
  })
})

test('eval prints the metrics that train wrote', async () => {
  const { code, stdout, stderr } = await radiograd(['eval', '--data', data, '--checkpoint', best, '--json'])
  assert.is(code, 0, stderr)
  assert.equal(JSON.parse(stdout), json('a', 'metrics.json'))
})

test('predict prints a class and a probability per image, as many right as eval counts', async () => {
  const folders = ['NORMAL', 'PNEUMONIA'].map((name) => join(data, 'test', name))
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  const { code, stdout, stderr } = await radiograd(['predict', ...files, '--checkpoint', best, '--json'])
  assert.is(code, 0, stderr)
  const results = JSON.parse(stdout) as Prediction[]
  assert.equal(
    results.map((r) => r.file),
    files,
  )
  const { tn, tp } = json('a', 'metrics.json').confusion
  assert.is(results.filter((r) => r.file.includes(`/${r.class}/`)).length, tn + tp)
  for (const r of results) {
    assert.is(r.threshold, json('a', 'metrics.json').operatingPoint.threshold)
    assert.is(r.class, r.probabilities.PNEUMONIA >= r.threshold ? 'PNEUMONIA' : 'NORMAL')
    assert.is(r.probability, r.probabilities[r.class])
    assert.ok(Math.abs(r.probabilities.NORMAL + r.probabilities.PNEUMONIA - 1) < 1e-12)
  }
})

test('calibrate: the same images give the same bytes, another sensitivity another threshold; old checkpoints', async () => {
  const file = join(dir, 'calibrated.safetensors')
  copyFileSync(best, file)
  const calibrate = (...more: string[]) =>
    radiograd(['calibrate', '--data', data, '--checkpoint', file, '--json', ...more])
  const same = await calibrate()
  assert.is(same.code, 0, same.stderr)
  assert.equal(JSON.parse(same.stdout), json('a', 'metrics.json').operatingPoint)
  assert.ok(readFileSync(file).equals(readFileSync(best)), 'fitted on the images that training had')
  const point = JSON.parse((await calibrate('--sensitivity', '0.01')).stdout)
  assert.equal([point.rule, point.sensitivity >= 0.01], ['sensitivity 0.01', true])
  const evaluate = async () =>
    JSON.parse((await radiograd(['eval', '--data', data, '--checkpoint', file, '--json'])).stdout)
  assert.equal((await evaluate()).operatingPoint, point)

  const bytes = readFileSync(best)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, start).toString())
  for (const name of ['operatingPoint', 'valSplit']) delete header.__metadata__[name]
  const text = Buffer.from(JSON.stringify(header).padEnd(start - 8))
  writeFileSync(file, Buffer.concat([bytes.subarray(0, 8), text, bytes.subarray(start)]))
  const { operatingPoint, mostProbable, ...ratios } = await evaluate()
  assert.equal([operatingPoint.temperature, operatingPoint.threshold, operatingPoint.images], [1, null, 0])
  assert.equal(mostProbable, json('a', 'metrics.json').mostProbable)
  assert.is(ratios.recall, mostProbable.recall)
  const { code, stderr } = await calibrate()
  assert.is(code, 2)
  assert.match(
    stderr,
    /^radiograd: --val-split: must be given for .*calibrated\.safetensors, which does not say how it was/m,
  )
  assert.is((await calibrate('--val-split', '0.2')).code, 0)
  assert.equal((await evaluate()).operatingPoint, json('a', 'metrics.json').operatingPoint)
})

test('explain: a picture of each image at its own size, the map as JSON; wrong methods, layers and classes', async () => {
  const folder = join(data, 'test/PNEUMONIA')
  const files = readdirSync(folder)
    .slice(0, 2)
    .map((name) => join(folder, name))
  const explain = (...more: string[]) =>
    radiograd(['explain', ...files, '--checkpoint', best, '--out', join(dir, 'maps'), ...more])
  const { code, stdout, stderr } = await explain('--json')
  assert.is(code, 0, stderr)
  const found = JSON.parse(stdout)
  assert.equal(
    found.map((e: { file: string; method: string }) => [e.file, e.method]),
    files.map((file) => [file, 'grad-cam']),
  )
  for (const { map, probability, border, randomised, class: of, called } of found) {
    assert.is(map.values.length, map.height * map.width)
    assert.ok(map.values.every((v: number) => v >= 0) && probability >= 0 && probability <= 1)
    assert.ok(Math.abs(border.area - 0.36) < 1e-9 && (border.share === null || border.share <= 1))
    assert.ok(randomised.correlation === null || Math.abs(randomised.correlation) <= 1)
    assert.is(of, called)
  }
  assert.is(readdirSync(join(dir, 'maps')).length, 2)
  const picture = await decodeImage(readFileSync(join(dir, 'maps', found[0].image)), 'map')
  assert.equal([picture.width, picture.height], [32, 32])
  assert.match(stderr, /called \w+; \w+ [\d.]+  the map (?:has one cell, which colours|is empty: )/)
  assert.match(
    (await explain('--class', 'COVID')).stderr,
    /^radiograd: --class: must be one of NORMAL, PNEUMONIA, got COVID$/m,
  )
  assert.match(
    (await explain('--method', 'rollout')).stderr,
    /^radiograd: --method: must be grad-cam for a model without/m,
  )
  assert.match((await explain('--layer', 'layer9')).stderr, /^radiograd: gradCam: layer must name a module/m)
})

test('one NaN in a checkpoint: eval and predict end with the image named, and give no class', async () => {
  const broken = readFileSync(best)
  const length = Number(broken.readBigUInt64LE(0))
  const header = JSON.parse(broken.subarray(8, 8 + length).toString())
  broken.writeFloatLE(NaN, 8 + length + header['fc.bias'].data_offsets[0])
  const file = join(dir, 'nan.safetensors')
  writeFileSync(file, broken)
  const image = join(data, 'test/NORMAL', readdirSync(join(data, 'test/NORMAL'))[0])
  for (const args of [
    ['eval', '--data', data],
    ['predict', image],
    ['explain', image, '--out', join(dir, 'nothing')],
  ]) {
    const { code, stdout, stderr } = await radiograd([...args, '--checkpoint', file, '--json'])
    assert.is(code, 1, stderr)
    assert.is(stdout, '')
    assert.match(stderr, /^radiograd: .*\.(jpeg|png): logits must be finite, got NaN$/m)
  }
})

test('a full disk under stdout: training goes on, what only prints ends; both exit with 1 and a line', () => {
  if (!existsSync('/dev/full')) return console.log('skip: no /dev/full here')
  const onFull = (...args: string[]) =>
    spawnSync('bash', ['-c', '"$0" "$@" > /dev/full', process.execPath, main, ...args], { encoding: 'utf8' })
  const training = onFull(...command('full'), '--epochs', '1', '--limit', '8')
  assert.is(training.status, 1, training.stderr)
  assert.match(training.stderr, /^radiograd: stdout: must be writable, got ENOSPC; the work goes on$/m)
  assert.equal(readdirSync(join(dir, 'full')).sort(), FILES)
  const evaluation = onFull('eval', '--data', data, '--checkpoint', best)
  assert.is(evaluation.status, 1, evaluation.stderr)
  assert.match(evaluation.stderr, /^radiograd: stdout: must be writable, got ENOSPC$/m)
})

const FINE_TUNING = ['--weights', best, '--trainable', 'layer4,fc', '--epochs', '1', '--limit', '8']

test('fine-tuning from a checkpoint reports what was loaded and leaves frozen weights alone', async () => {
  const { code, stdout, stderr } = await train('c', ...FINE_TUNING)
  assert.is(code, 0, stderr)
  assert.match(stdout, /^weights   122 of 122 tensors loaded; 0 missing, 0 re-initialised, 0 unexpected$/m)
  assert.match(stdout, /^data      train 3 NORMAL, 5 PNEUMONIA · validation 1 NORMAL, 1 PNEUMONIA/m)
  assert.match(stdout, /^training  8\.39 M of 11\.18 M parameters in layer4, fc/m)
  const tensors = (out: string) => {
    const file = bytes(out, 'best.safetensors')
    const start = 8 + Number(file.readBigUInt64LE(0))
    const header = JSON.parse(file.subarray(8, start).toString())
    return (name: string) => file.subarray(start + header[name].data_offsets[0], start + header[name].data_offsets[1])
  }
  const [before, after] = [tensors('a'), tensors('c')]
  assert.ok(before('layer1.0.conv1.weight').equals(after('layer1.0.conv1.weight')))
  assert.not(before('layer4.0.conv1.weight').equals(after('layer4.0.conv1.weight')))
  assert.not(before('bn1.running_mean').equals(after('bn1.running_mean')), 'BatchNorm of frozen layers moves too')
})

test.run()
