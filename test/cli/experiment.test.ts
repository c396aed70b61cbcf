// The experiment as a user runs it, on small generated pictures: what it leaves, that killed it ends with the same
// results, and what it refuses.
import * as assert from 'uvu/assert'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { writeSyntheticDataset } from '../../src/data/synthetic.node.js'
import { openFolder, parseSettings } from '../../src/index.js'
import { EXPERIMENT_SETTINGS, REPORT_SETTINGS, experimentRun, writeReport } from '../../src/report.js'
import { failure } from '../errors.js'
import { radiograd, scratch } from './command.js'

const test = suite('experiment')
const dir = scratch()
const data = join(dir, 'chest')
await writeSyntheticDataset(data, { train: 16, test: 8, size: 40 })
/** One more image; `from` is copied. */
const add = (set: string, from: string, to: string) => cpSync(join(set, from), join(set, to))
// One image on both sides of the split, and one patient.
add(data, 'train/NORMAL/synthetic-train-0001.png', 'test/NORMAL/copy.png')
add(data, 'train/PNEUMONIA/synthetic-train-0002.png', 'train/PNEUMONIA/person5_virus_1.png')
add(data, 'test/PNEUMONIA/synthetic-test-0002.png', 'test/PNEUMONIA/person5_bacteria_3.png')

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
  assert.equal([metrics.n, settings.resizeSize, settings.dropLast], [10, 37, true])
  assert.is(intervals.accuracy.estimate, metrics.accuracy)
  assert.ok(threshold.threshold > 0 && threshold.threshold < 1)
  assert.equal(found.resnet18.settings.trainable, ['layer4', 'fc'])
  assert.equal(
    JSON.parse(readFileSync(join(dir, 'whole/vit-seed0/metrics.json'), 'utf8')).mostProbable.accuracy,
    metrics.accuracy,
  )
  assert.equal(images.test, { NORMAL: 4, PNEUMONIA: 6 })
  const page = readFileSync(join(dir, 'whole/report.html'), 'utf8')
  assert.match(page, /Left NORMAL, right PNEUMONIA/)
  assert.match(page, /1 group of identical images lies in more than one split/)
  assert.match(page, /Patients in more than one split: by [^<]*1 patient of train/)
  const [mistake] = found.vit.mistakes
  assert.equal(
    mistake?.maps.map((m: { method: string }) => m.method),
    mistake && ['attention-gradient', 'rollout'],
  )
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
  // As an older version left it, which did not know a setting.
  const file = join(dir, 'killed/experiment.json')
  const { labelSmoothing, ...known } = JSON.parse(readFileSync(file, 'utf8'))
  assert.is(labelSmoothing, 0)
  writeFileSync(file, JSON.stringify(known))
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
    2,
    /^radiograd: --seeds: must stay as the experiment in .* began, \[0\], got/,
  )
  await refused(command('new', '--seeds', '1,1'), 2, /^radiograd: --seeds: must differ, got 1,1$/m)
  await refused(command('new', '--seeds', '1,x'), 2, /--seeds.* must be whole numbers from 0 on with commas between/)
  await refused(command('new', '--vit', 'resnet18'), 2, /--vit/)
  await refused(command('new', '--data', join(dir, 'nowhere')), 1, /nowhere/)
  await refused(['experiment', 'other', '--data', data], 2, /chest-xray/)
  await refused(['report', dir, '--out', join(dir, 'new')], 1, /must hold a finished run of 'train', got none$/m)
  rmSync(join(dir, 'killed/vit-seed0/best.safetensors'))
  await refused(['report', join(dir, 'killed/vit-seed0'), '--out', join(dir, 'new')], 1, /must hold a finished run/)
  assert.not(existsSync(join(dir, 'new')))
})

/** A copy of the data, changed. */
function changed(name: string, change: (folder: string) => void): string {
  const folder = join(dir, name)
  cpSync(data, folder, { recursive: true })
  change(folder)
  return folder
}

test('data that will not do: the experiment and reports say so in one line, and leave nothing', async () => {
  const place = (folder = '') => openFolder(join(dir, 'new', folder))
  const experiment = (set: string) => {
    const more = { data: set, vit: 'vit-ti16', imageSize: 32, batchSize: 8, epochs: 1, valSplit: 0.4 }
    return failure(() => experimentRun(parseSettings(EXPERIMENT_SETTINGS, more), { open: place }))
  }
  const report = (folder: string, set: string) =>
    failure(() =>
      writeReport([{ name: 'a', store: openFolder(folder) }], {
        ...parseSettings(REPORT_SETTINGS, {}),
        ...{ title: 'a', data: set, store: place(), figures: place('figures') },
      }),
    )
  const run = join(dir, 'whole/resnet18-seed0')
  const checkpoint = join(run, 'best.safetensors')
  const untested = changed('untested', (folder) => {
    mkdirSync(join(folder, 'train/OTHER'))
    for (const i of [1, 2]) add(folder, `train/NORMAL/synthetic-train-000${i}.png`, `train/OTHER/${i}.png`)
  })
  const empty = changed('emptied', (folder) => {
    rmSync(join(folder, 'train/PNEUMONIA'), { recursive: true })
    mkdirSync(join(folder, 'train/PNEUMONIA'))
  })
  const broken = changed('broken', (folder) => {
    for (const file of readdirSync(join(folder, 'test/NORMAL'))) writeFileSync(join(folder, 'test/NORMAL', file), 'x')
  })
  const few = changed('few', (folder) => {
    for (const file of readdirSync(join(folder, 'train/NORMAL')).slice(1)) rmSync(join(folder, 'train/NORMAL', file))
  })
  const other = changed('other', (folder) => {
    for (const split of ['train', 'test']) renameSync(join(folder, split, 'NORMAL'), join(folder, split, 'HEALTHY'))
  })
  const torn = changed('torn', (folder) => cpSync(run, folder, { recursive: true }))
  writeFileSync(join(torn, 'best.safetensors'), readFileSync(checkpoint).subarray(0, 1000))

  assert.match(
    await experiment(untested),
    /test: classes must be those of .*\[NORMAL, OTHER, PNEUMONIA\], got \[NORMAL, PN/,
  )
  assert.match(await experiment(empty), /emptied\/train\/PNEUMONIA: must hold .* images, got none$/)
  assert.match(await experiment(broken), /^4 of 27 images cannot be read .*broken\/test\/NORMAL/)
  assert.match(await experiment(few), /^valSplit 0\.4: .* two or more patients, got one in class NORMAL$/)
  assert.match(await report(run, broken), /^4 of 27 images cannot be read /)
  assert.match(await report(run, other), /classes must be those of .* \[NORMAL, PN.*\], got \[HEALTHY, PNEUMONIA\]$/)
  assert.match(await report(torn, data), /torn\/best\.safetensors: not a valid safetensors file, /)

  const says = async (message: RegExp, args: string[]) => {
    const { code, stderr } = await radiograd(args)
    assert.match(stderr, message)
    assert.equal([code, stderr.split('\n').length], [1, 2], stderr)
  }
  const seen = join(broken, 'test/PNEUMONIA/synthetic-test-0002.png')
  const bad = join(broken, 'test/NORMAL/copy.png')
  const flags = ['--checkpoint', checkpoint, '--out', join(dir, 'new')]
  await says(/^radiograd: .*NORMAL\/copy\.png: must be a JPEG or PNG image, /m, ['explain', seen, bad, ...flags])
  const before = readFileSync(checkpoint)
  await says(/test: classes must be those of /, ['calibrate', '--data', untested, '--checkpoint', checkpoint])
  assert.ok(readFileSync(checkpoint).equals(before), 'the checkpoint stays as it was')
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
