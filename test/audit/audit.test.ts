// The audit on made sets, each with one thing wrong, and on the real one where ../shared has it.
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readImageHeader } from '../../src/audit/header.js'
import { NEAR, THUMB, hashDistance, perceptualHash } from '../../src/audit/perceptual.js'
import { encodePng } from '../../src/data/encodePng.js'
import { drawRadiograph } from '../../src/data/synthetic.js'
import { audit } from '../../src/index.js'

const test = suite('audit')
const SIZE = 64
const picture = (seed: number, change: (gray: Uint8Array) => void = () => {}) => {
  const gray = drawRadiograph(seed % 2, seed, SIZE)
  change(gray)
  return encodePng(gray, SIZE, SIZE)
}

type Files = Record<string, Uint8Array | string>
const picked = (files: Files) =>
  Object.entries(files).map(([path, bytes]) => ({ path, blob: new Blob([bytes as Uint8Array<ArrayBuffer>]) }))
const look = (files: Files) => audit.auditDataset(picked(files), { workers: 0 })
const says = (found: audit.Audit, level: string, words: RegExp) => {
  const findings = audit.auditFindings(found)
  assert.ok(
    findings.some((f) => f.level === level && words.test(f.text)),
    `no ${level} with ${words} in\n${findings.map((f) => `${f.level}: ${f.text}`).join('\n')}`,
  )
}

test('an honest set: counts, sizes, nothing to warn of but its size', async () => {
  const files: Files = {}
  for (let i = 0; i < 24; i++)
    files[`set/${i < 16 ? 'train' : 'test'}/${i % 2 ? 'PNEUMONIA' : 'NORMAL'}/p${i}.png`] = picture(i)
  const progress: number[] = []
  const found = await audit.auditDataset(picked(files), { workers: 0, onProgress: (done) => progress.push(done) })
  assert.equal([found.classes, found.images, progress.at(-1)], [['NORMAL', 'PNEUMONIA'], 24, 24])
  assert.equal(
    found.splits.map(({ name, images, classes }) => [name, images, ...classes.map((c) => c.images)]),
    [
      ['train', 16, 8, 8],
      ['test', 8, 4, 4],
    ],
  )
  assert.is(
    found.bytes,
    Object.values(files).reduce((sum, f) => sum + f.length, 0),
  )
  assert.equal(found.pictures, {
    formats: { 'png, 1 channel': 24 },
    width: { min: 64, median: 64, max: 64 },
    height: { min: 64, median: 64, max: 64 },
    aspectRatio: { min: 1, median: 1, max: 1 },
    sizes: 1,
  })
  assert.equal([found.identical, found.nearIdentical, found.unreadable, found.leftOut], [[], [], [], []])
  assert.equal(
    audit.auditFindings(found).filter(({ level }) => level !== 'note'),
    [],
  )
  says(found, 'note', /tell no patient/)
  assert.equal(JSON.parse(JSON.stringify(found)), found, 'plain data')
})

test("a marker in one class's corner is named as a shortcut, in train and in test", async () => {
  const files: Files = {}
  for (let i = 0; i < 80; i++) {
    const sick = i % 2 === 1
    files[`${i < 56 ? 'train' : 'test'}/${sick ? 'PNEUMONIA' : 'NORMAL'}/p${i}.png`] = picture(i, (gray) => {
      if (sick) for (let y = 1; y < 5; y++) gray.fill(255, y * SIZE + 1, y * SIZE + 5)
    })
  }
  const found = await look(files)
  const border = found.shortcuts.filter((s) => s.feature === 'border')
  assert.equal(
    border.map((s) => s.split),
    ['train', 'test'],
  )
  for (const { auc } of border) assert.ok(auc > 0.98, `border AUC ${auc}`)
  says(found, 'warning', /^Shortcut: the border .* tells PNEUMONIA .*AUC \d\.\d+ in train, AUC \d\.\d+ in test/)
})

test('file size and shape are named where they tell the class', async () => {
  const files: Files = {}
  for (let i = 0; i < 40; i++) {
    const height = i % 2 ? SIZE : SIZE - 8
    const gray = drawRadiograph(0, i, SIZE).subarray(0, height * SIZE)
    files[`${i % 2 ? 'b' : 'a'}/${i}.png`] = encodePng(gray, height, SIZE)
  }
  const found = await look(files)
  says(found, 'warning', /^Shortcut: aspect ratio alone tells b from the rest .*\(AUC 1\.000\)/)
  says(found, 'warning', /^Shortcut: pixel count alone/)
})

test('the same and nearly the same picture: across splits, with two labels; the merely alike are neither', async () => {
  const one = picture(1)
  const found = await look({
    'train/NORMAL/a.png': one,
    'train/PNEUMONIA/b.png': one,
    'train/NORMAL/c.png': picture(2),
    'train/PNEUMONIA/d.png': picture(3),
    'test/PNEUMONIA/e.png': picture(3, (gray) => gray.forEach((v, i) => (gray[i] = Math.min(255, v * 1.1 + 6)))),
    'test/NORMAL/f.png': picture(4),
  })
  assert.equal(found.identical, [
    { paths: ['train/NORMAL/a.png', 'train/PNEUMONIA/b.png'], splits: ['train'], classes: ['NORMAL', 'PNEUMONIA'] },
  ])
  assert.equal(found.nearIdentical, [
    { paths: ['test/PNEUMONIA/e.png', 'train/PNEUMONIA/d.png'], splits: ['test', 'train'], classes: ['PNEUMONIA'] },
  ])
  says(found, 'warning', /1 group of identical images has more than one label: train\/NORMAL\/a.png = /)
  says(found, 'warning', /1 group of near-identical images lies in more than one split.*tested was trained on/)

  const thumb = (seed: number) => drawRadiograph(1, seed, THUMB)
  const hash = perceptualHash(thumb(5))
  assert.is(hashDistance(hash, perceptualHash(thumb(5))), 0)
  assert.is(hashDistance(hash, perceptualHash(thumb(5).map((v) => 255 - v))), 255 - 1, 'all but the median')
  for (let seed = 6; seed < 30; seed++) assert.ok(hashDistance(hash, perceptualHash(thumb(seed))) > NEAR)
})

test('patients on both sides, by each key that names allow', async () => {
  const found = await look({
    'train/NORMAL/IM-0001-0001.png': picture(0),
    'train/PNEUMONIA/person7_bacteria_1.png': picture(1),
    'train/PNEUMONIA/person7_bacteria_2.png': picture(3),
    'train/PNEUMONIA/person8_virus_3.png': picture(5),
    'test/NORMAL/IM-0002-0001.png': picture(2),
    'test/PNEUMONIA/person7_virus_9.png': picture(7),
  })
  assert.equal(found.patients, [
    {
      key: 'patient number',
      patients: 4,
      unrecognised: 0,
      overlaps: [{ splits: ['train', 'test'], patients: ['person7'], images: [2, 1] }],
    },
    { key: 'patient number and pathogen', patients: 5, unrecognised: 0, overlaps: [] },
  ])
  says(
    found,
    'warning',
    /by patient number, 1 patient of train .*by patient number and pathogen, none is.*do not say which/,
  )
})

test('empty classes and splits, a small validation split, what is not read: said, not skipped', async () => {
  const dicom = new Uint8Array(200)
  dicom.set(new TextEncoder().encode('DICM'), 128)
  const found = await look({
    'train/NORMAL/a.png': picture(0),
    'train/PNEUMONIA/b.png': picture(1),
    'train/COVID/c.png': picture(3),
    'train/NORMAL/broken.jpeg': new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4]),
    'train/NORMAL/empty.png': new Uint8Array(0),
    'train/NORMAL/scan.DCM': dicom,
    'train/NORMAL/0001': dicom,
    'train/NORMAL/x.tif': 'x',
    'train/notes.txt': 'x',
    'train/stray.png': picture(9),
    'elsewhere/NORMAL/d.png': picture(8),
    'train/NORMAL/.hidden.png': picture(7),
    'val/NORMAL/e.png': picture(4),
    'val/PNEUMONIA/f.png': picture(5),
    'test/NORMAL/g.png': picture(6),
  })
  assert.equal(
    found.unreadable.map((f) => f.path),
    ['train/NORMAL/broken.jpeg', 'train/NORMAL/empty.png'],
  )
  assert.equal(
    found.leftOut.map((f) => [f.path, f.reason]),
    [
      ['elsewhere/NORMAL/d.png', 'outside the splits'],
      ['train/NORMAL/.hidden.png', 'hidden images (names that begin with a dot, __MACOSX)'],
      ['train/NORMAL/0001', 'DICOM is not read: convert it to PNG or JPEG'],
      ['train/NORMAL/scan.DCM', 'DICOM is not read: convert it to PNG or JPEG'],
      ['train/NORMAL/x.tif', 'TIFF is not read: convert it to PNG or JPEG'],
      ['train/notes.txt', 'not an image'],
      ['train/stray.png', 'in no class folder'],
    ],
  )
  says(found, 'warning', /Class COVID has no image in test/)
  says(found, 'warning', /validation split is too small to steer by: from 2 images .* ± 42\u00a0%/)
  says(found, 'warning', /2 images cannot be read: train\/NORMAL\/broken.jpeg \(must be/)
  says(found, 'warning', /2 files left out, DICOM is not read/)
  assert.ok(found.shortcuts.every((s) => ['COVID', 'NORMAL', 'PNEUMONIA'].includes(s.class)))
})

test('nothing to train on: no image, one image, one class, none readable', async () => {
  says(await look({ 'readme.txt': 'x' }), 'error', /no JPEG or PNG image in a class folder/)
  const one = await look({ 'a/x.png': picture(1) })
  says(one, 'error', /one class only, a/)
  assert.equal([one.images, one.shortcuts], [1, []])
  const pair = await look({ 'a/x.png': picture(1), 'b/y.png': picture(2) })
  assert.ok(pair.shortcuts.every((s) => Number.isNaN(s.low)))
  assert.not.ok(audit.auditFindings(pair).some((f) => /Shortcut/.test(f.text)))
  const broken = await look({ 'a/x.png': 'no', 'b/y.png': 'no' })
  says(broken, 'error', /No image can be read/)
  assert.is(broken.pictures, null)
})

test('a folder on disk: an empty class folder is seen, a missing one refused, and it can be stopped', async () => {
  const root = await mkdtemp(join(tmpdir(), 'radiograd-audit-'))
  try {
    for (const [path, bytes] of Object.entries({ 'a/x.png': picture(1), 'a/y.png': picture(2) })) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), bytes)
    }
    await mkdir(join(root, 'b'))
    says(await audit.auditDataset(root, { workers: 1 }), 'warning', /Class b has no image in its folder/)
    const stop = new AbortController()
    const stopped = audit.auditDataset(root, { workers: 0, signal: stop.signal, onProgress: () => stop.abort() })
    await stopped.then(
      () => assert.unreachable(),
      (error) => assert.is(error.name, 'AbortError'),
    )
  } finally {
    await rm(root, { recursive: true })
  }
  await audit.auditDataset('/nonexistent').then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /^\/nonexistent: must be a folder/),
  )
})

test('headers: JPEG and PNG, anything else is none', () => {
  assert.equal(readImageHeader(encodePng(new Uint8Array(6), 2, 3)), { format: 'png', width: 3, height: 2, channels: 1 })
  const jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 17, 8, 1, 0, 0, 200, 3, 0, 0, 0]
  assert.equal(readImageHeader(Uint8Array.from(jpeg)), { format: 'jpeg', width: 200, height: 256, channels: 3 })
  for (let end = 0; end < 14; end++) assert.is(readImageHeader(Uint8Array.from(jpeg.slice(0, end))), null)
  assert.is(readImageHeader(new TextEncoder().encode('BM no picture at all, and long')), null)
})

const real = fileURLToPath(new URL('../../../../shared/data/chest_xray/', import.meta.url))
if (
  await access(real).then(
    () => true,
    () => false,
  )
)
  test('the chest X-ray set: 25 groups of 52 identical files, 104 patients in both splits by number', async () => {
    const found = await audit.auditDataset(real)
    assert.equal([found.identical.length, found.identical.flatMap((g) => g.paths).length], [25, 52])
    assert.equal(found.nearIdentical, [])
    assert.equal(
      found.patients.map((key) => key.overlaps.map((o) => o.patients.length)),
      [[104], []],
    )
    const auc = (split: string) => found.shortcuts.find((s) => s.feature === 'file size' && s.split === split)!.auc
    assert.equal([(1 - auc('train')).toFixed(3), (1 - auc('test')).toFixed(3)], ['0.900', '0.819'])
  })
else console.log('skip: ../shared/data is not there')

test.run()
