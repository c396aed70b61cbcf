// Which images a run trains on, steers by and tests on. Only file names matter here: the files are empty.
import * as assert from 'uvu/assert'
import { randomFillSync } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { modelCardOf, toMetadata } from '../../src/app/card.js'
import { arrange } from '../../src/app/arrange.js'
import { classCounts, openSplits, readableSplits } from '../../src/app/splits.js'
import { countsText } from '../../src/cli/texts.js'
import type { DatasetSettings } from '../../src/app/settingTables.js'
import type { Dataset } from '../../src/data/imageFolder.js'
import { patientOf } from '../../src/data/patients.js'
import { scratch } from '../cli/command.js'
import { png } from '../data/made.js'

const test = suite('data set folders')
const dir = scratch()

function put(...paths: string[]) {
  for (const path of paths) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), '')
  }
}

for (let i = 1; i <= 20; i++) put(`a/train/NORMAL/IM-01${10 + i}-0001.jpeg`, `a/test/NORMAL/${i}.jpeg`)
for (let i = 1; i <= 30; i++) {
  for (const kind of ['bacteria_1', 'virus_2']) put(`a/train/PNEUMONIA/person${i}_${kind}.jpeg`)
}
put('a/test/PNEUMONIA/1.jpeg', 'a/val/NORMAL/1.jpeg', 'a/val/PNEUMONIA/1.jpeg')
put('b/train/NORMAL/1.png', 'b/train/PNEUMONIA/1.png', 'b/test/NORMAL/1.png', 'b/test/VIRUS/1.png')
put('c/train/NORMAL/1.png', 'c/train/PNEUMONIA/1.png', 'c/test/NORMAL/1.png', 'c/test/PNEUMONIA/1.png')

const HALF = [0.5, 0.5, 0.5] as const
const SETTINGS = { imageSize: 64, mean: HALF, std: HALF, augment: 'notebook', valSplit: 0.1, seed: 0 }
const open = (name: string, more: object = {}) => openSplits(join(dir, name), { ...SETTINGS, ...more })

test('validation is a share of train, no patient on both sides; val/ is left alone', () => {
  const { train, validation, test: whole, classes, validationFrom } = open('a')
  assert.equal(classes, ['NORMAL', 'PNEUMONIA'])
  const counts = [train, validation!, whole].map((set) => countsText(classCounts(set), classes))
  assert.equal(counts, ['18 NORMAL, 54 PNEUMONIA', '2 NORMAL, 6 PNEUMONIA', '20 NORMAL, 1 PNEUMONIA'])
  const patients = new Set(train.samples.map((s) => patientOf(s.path)))
  assert.not(validation!.samples.some((s) => patients.has(patientOf(s.path))))
  assert.is(validationFrom, '10 % of train, by patient')
  assert.equal(
    [train, validation!, whole].map((set) => set.transform.device.random.length),
    [1, 0, 0],
  )
})

test('a split of 0 takes val/ where there is one', () => {
  assert.equal(classCounts(open('a', { valSplit: 0 }).validation!), [1, 1])
  assert.is(open('c', { valSplit: 0 }).validation, null)
})

test('with resizeSize the middle is cut out, and a checkpoint says so', () => {
  const { train } = open('a', { resizeSize: 72 })
  assert.equal(train.transform.host, [
    { kind: 'Resize', size: 72 },
    { kind: 'CenterCrop', size: [64, 64] },
  ])
  const card = { model: 'resnet18', classes: ['a', 'b'], imageSize: 64, mean: HALF, std: HALF }
  const again = (given: object) => modelCardOf({ metadata: toMetadata({ ...card, ...given }, {}), source: 'x' })
  assert.equal(again({ resizeSize: 72 }), { ...card, resizeSize: 72 })
  assert.equal(again({ resizeSize: undefined }), card)
})

test('a limit counts training images and keeps the shares', () => {
  const { train, validation, test: whole } = open('a', { limit: 36 })
  assert.equal(classCounts(train), [9, 27])
  assert.equal(classCounts(validation!), [1, 3])
  assert.is(whole.samples.length, 21)
  assert.is(open('a', { limit: 1000 }).train.samples.length, 72)
})

test('the same seed gives the same images', () => {
  const paths = (seed: number) => open('a', { limit: 36, seed }).train.samples.map((s) => s.path)
  assert.equal(paths(3), paths(3))
  assert.not.equal(paths(3), paths(4))
})

test('files picked in a page are split like those on disk', () => {
  for (const [name, more] of [
    ['a', {}],
    ['a', { valSplit: 0 }],
    ['c', { valSplit: 0 }],
  ] as const) {
    const picked = readdirSync(join(dir, name), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.\w+$/.test(path))
      .map((path) => ({ path, blob: new Blob([]) }))
    const there = openSplits(picked, { ...SETTINGS, ...more })
    const here = open(name, more)
    const paths = (set: Dataset | null, from = '') =>
      set?.samples.map(({ path, label }) => `${path.slice(from.length)} ${label}`)
    for (const part of ['train', 'validation', 'test'] as const) {
      const folder = part === 'validation' && more.valSplit === 0 ? 'val' : part === 'test' ? 'test' : 'train'
      assert.equal(paths(there[part]), paths(here[part], join(dir, name, folder, '/')))
    }
  }
})

test('what cannot be split is said with its setting or folder', () => {
  assert.throws(() => open('b'), /b\/test: classes must be those of .*b\/train \[NORMAL, PNEUMONIA\], got \[.*VIRUS\]/)
  assert.throws(() => open('c'), /^valSplit 0\.1: splitByPatient: every class needs two or more patients/)
  assert.throws(() => open('a', { limit: 1 }), /^limit: stratifiedSubset: count must be at least 2/)
})

/** A picture of 300 kB that counts what is read of it, and how many are at a time. */
class Watched extends Blob {
  static readonly png = new Uint8Array(png({ width: 600, height: 500, raw: randomFillSync(new Uint8Array(601 * 500)) }))
  static read = 0
  static open = 0
  static mostOpen = 0
  whole = 0
  ends = 0
  override get size() {
    return Watched.png.length
  }
  override slice(from: number, to: number): Blob {
    this.ends++
    const bytes = Watched.png.slice(from, to)
    const arrayBuffer = async () => {
      Watched.read += bytes.length
      Watched.mostOpen = Math.max(Watched.mostOpen, ++Watched.open)
      await new Promise((later) => setImmediate(later))
      Watched.open--
      return bytes.buffer
    }
    return { arrayBuffer } as unknown as Blob
  }
  override async arrayBuffer() {
    this.whole++
    return Watched.png.slice().buffer
  }
}

test('a training of thousands of files begins with a look at both ends of each, some at a time, and decodes none', async () => {
  const files = Array.from({ length: 3000 }, (_, i) => ({
    path: `set/${i % 5 ? 'train' : 'test'}/${i % 2 ? 'NORMAL' : 'PNEUMONIA'}/${i}.png`,
    blob: new Watched(),
  }))
  const arranged = arrange(files)
  assert.is(Watched.read, 0, 'arranging takes names alone')
  const splits = openSplits(arranged.files, SETTINGS)
  assert.is(Watched.read, 0, 'so do the splits')
  const found = await readableSplits(splits, { skipUnreadable: true, workers: 0 } as DatasetSettings, () => {})
  assert.is(found.train.samples.length + found.validation!.samples.length + found.test.samples.length, 3000)
  assert.equal([...new Set(files.map(({ blob }) => blob.ends))], [2])
  assert.equal([...new Set(files.map(({ blob }) => blob.whole))], [0])
  assert.ok(Watched.png.length > 250_000 && Watched.read <= 3000 * 131_072, `${Watched.read} bytes`)
  assert.ok(Watched.mostOpen > 1 && Watched.mostOpen <= 32, `${Watched.mostOpen} at a time`)
})

test.run()
