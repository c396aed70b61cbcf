// The experiment as a user runs it, on small generated pictures: what it leaves, that killed it ends with the same
// results, and what it refuses.
import * as assert from 'uvu/assert'
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { writeSyntheticDataset } from '../../src/data/synthetic.node.js'
import { radiograd, scratch } from './command.js'

const test = suite('experiment')
const dir = scratch()
const data = join(dir, 'chest')
await writeSyntheticDataset(data, { train: 26, test: 8, size: 40 })

const FLAGS = '--vit vit-ti16 --image-size 32 --batch-size 8 --epochs 1 --lr 1e-3 --val-split 0.4 --save-every 0.01'
const command = (out: string, ...more: string[]) => [
  ...['experiment', 'chest-xray', '--data', data, '--out', join(dir, out)],
  ...FLAGS.split(' '),
  ...more,
]
const results = (out: string) => JSON.parse(readFileSync(join(dir, out, 'results.json'), 'utf8'))
/** Without times. */
const lasting = (out: string) =>
  JSON.parse(JSON.stringify(results(out), (key, value) => (key === 'times' ? undefined : value)))

test('one command leaves page, figures and results', async () => {
  const { code, stderr } = await radiograd(command('whole'))
  assert.is(code, 0, stderr)
  assert.equal(readdirSync(join(dir, 'whole')).sort(), [
    ...['experiment.json', 'figures', 'report.html', 'resnet18-seed0', 'results.json', 'vit-seed0'],
  ])
  const found = results('whole')
  for (const key of ['resnet18', 'vit', 'notebook', 'comparisons', 'data', 'settings', 'adapter', 'versions'])
    assert.ok(key in found, key)
  const { metrics, intervals, threshold, settings, images } = found.vit
  assert.equal([metrics.n, settings.resizeSize, settings.dropLast], [8, 37, true])
  assert.is(intervals.accuracy.estimate, metrics.accuracy)
  assert.ok(threshold.threshold > 0 && threshold.threshold < 1)
  assert.equal(found.resnet18.settings.trainable, ['layer4', 'fc'])
  assert.equal(
    JSON.parse(readFileSync(join(dir, 'whole/vit-seed0/metrics.json'), 'utf8')).mostProbable.accuracy,
    metrics.accuracy,
  )
  assert.equal(images.test, { NORMAL: 3, PNEUMONIA: 5 })
  const page = readFileSync(join(dir, 'whole/report.html'), 'utf8')
  assert.match(page, /Left NORMAL, right PNEUMONIA/)
  assert.not.match(page.replaceAll('xmlns="http://www.w3.org/2000/svg"', ''), /https?:\/\//)
  assert.ok(existsSync(join(dir, 'whole/figures/roc.svg')))
})

/** Places at which the program is killed, by what it says there. */
const PLACES = [/^epoch 1\/1 /m, /^vit-seed0$/m, /^report$/m]

test('killed in the first training, before the second and in the report, it ends with the same results', async () => {
  for (const when of PLACES) {
    const { code } = await radiograd(command('killed'), { when, then: (child) => child.kill('SIGKILL') })
    assert.is(code, null, `it ended before it said ${when}`)
    assert.not(existsSync(join(dir, 'killed/results.json')))
  }
  const { code, stderr } = await radiograd(command('killed'))
  assert.is(code, 0, stderr)
  assert.equal(lasting('killed'), lasting('whole'))
})

test('refusals are one line and leave nothing', async () => {
  const refused = async (args: string[], code: number, line: RegExp) => {
    const found = await radiograd(args)
    assert.match(found.stderr, line)
    assert.equal([found.code, found.stderr.split('\n').length], [code, 2])
  }
  await refused(
    command('whole', '--seeds', '0,1'),
    1,
    /^radiograd: --seeds: must be as the experiment in .* \[0\], got/,
  )
  await refused(command('new', '--seeds', '1,1'), 1, /^radiograd: --seeds: must differ, got 1,1$/m)
  await refused(command('new', '--seeds', '1,x'), 2, /--seeds.* must be whole numbers from 0 on with commas between/)
  await refused(command('new', '--vit', 'resnet18'), 2, /--vit/)
  await refused(command('new', '--data', join(dir, 'nowhere')), 1, /nowhere/)
  await refused(['experiment', 'other', '--data', data], 2, /chest-xray/)
  await refused(['report', dir, '--out', join(dir, 'new')], 1, /must hold a finished run of 'train', got none$/m)
  rmSync(join(dir, 'killed/vit-seed0/best.safetensors'))
  await refused(['report', join(dir, 'killed/vit-seed0'), '--out', join(dir, 'new')], 1, /must hold a finished run/)
  assert.not(existsSync(join(dir, 'new')))
})

test('a dry run says what memory both take, and writes nothing', async () => {
  const { code, stdout } = await radiograd(command('dry', '--dry-run'))
  assert.is(code, 0)
  assert.is(stdout.match(/^memory /gm)?.length, 2)
  assert.not(existsSync(join(dir, 'dry')))
})

test('finished runs side by side', async () => {
  const runs = ['resnet18-seed0', 'vit-seed0'].map((run) => join(dir, 'whole', run))
  const { code, stdout, stderr } = await radiograd(['report', ...runs, '--out', join(dir, 'both'), '--json'])
  assert.is(code, 0, stderr)
  const found = JSON.parse(stdout)
  assert.equal(found, results('both'))
  assert.equal(found.runs['vit-seed0'].metrics, results('whole').vit.metrics)
})

test.run()
