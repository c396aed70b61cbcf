// The generated data set: the same bytes every time, readable by ImageFolder, and not solvable by brightness.
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeImage } from '../../src/data/decode.js'
import { ImageFolder } from '../../src/data/imageFolder.js'
import { drawRadiograph, syntheticFiles, syntheticPictures } from '../../src/data/synthetic.js'
import { writeRadiographs } from './radiographs.js'
import { compose, ToTensor } from '../../src/data/transforms.js'
import { folderOf } from './fixtures.js'

const test = suite('synthetic')

/** Probability that a value of class 1 exceeds one of class 0. */
function auc(values: number[], labels: number[]): number {
  let wins = 0,
    pairs = 0
  values.forEach((a, i) =>
    values.forEach((b, j) => {
      if (labels[i] !== 1 || labels[j] !== 0) return
      pairs++
      wins += a > b ? 1 : a === b ? 0.5 : 0
    }),
  )
  return wins / pairs
}

test('pictures follow from label, seed and size', () => {
  const picture = drawRadiograph(1, 42, 48)
  assert.is(picture.length, 48 * 48)
  assert.equal(drawRadiograph(1, 42, 48), picture)
  assert.not.equal(drawRadiograph(1, 43, 48), picture)
  assert.not.equal(drawRadiograph(0, 42, 48), picture)
  // Drawn without transcendental functions: this sum is the same in every JavaScript engine.
  assert.is(
    picture.reduce((sum, value, i) => (sum + value * (i + 1)) % 1000003, 0),
    295766,
  )
})

test('neither mean brightness nor its spread tells the classes apart', () => {
  const labels = Array.from({ length: 400 }, (_, i) => i % 2)
  const pictures = labels.map((label, i) => drawRadiograph(label, 9000 + i, 64))
  const means = pictures.map((p) => p.reduce((a, b) => a + b) / p.length)
  const spreads = pictures.map((p, i) => Math.sqrt(p.reduce((a, b) => a + (b - means[i]) ** 2, 0) / p.length))
  const found = [auc(means, labels), auc(spreads, labels)]
  for (const value of found) assert.ok(value > 0.4 && value < 0.6, `areas under the curve ${found}`)
})

test('the files form an ImageFolder with four tenths NORMAL, and hold the drawn pixels', async () => {
  const dir = folderOf({})
  writeRadiographs(dir, { train: 20, test: 10, size: 16, seed: 2 })
  const picture = [...syntheticPictures({ train: 20, test: 10, size: 16, seed: 2 })].at(-1)!
  const written = await decodeImage(new Uint8Array(await readFile(`${dir}/${picture.path}.jpeg`)), picture.path)
  const off = picture.gray.map((value, i) => Math.abs(value - written.data[3 * i]))
  assert.ok(Math.max(...off) <= 12, `JPEG is off by up to ${Math.max(...off)} grey levels`)
  const train = new ImageFolder(`${dir}/train`, { transform: compose([ToTensor()]) })
  const labels = train.samples.map((s) => s.label)
  assert.equal([train.classes, labels.filter((l) => l === 0).length, labels.length], [['NORMAL', 'PNEUMONIA'], 8, 20])
  const [{ path, bytes }] = syntheticFiles({ train: 20, test: 10, size: 16, seed: 2 })
  assert.is(path, 'train/NORMAL/synthetic-train-0001.png')
  const { data } = await decodeImage(bytes, path)
  assert.equal(
    data.filter((_, i) => i % 3 === 1),
    drawRadiograph(0, 2 * 1_000_003, 16),
  )
})

test.run()
