// Broken pictures are found before they are needed: all of them, by name, and none that can be decoded.
import { readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDataset, checkFiles } from '../../src/data/checkFiles.js'
import { DecodePool } from '../../src/data/decodePool.js'
import { compose, ToTensor } from '../../src/data/transforms.js'
import { fixture, fixturePath } from './fixtures.js'
import { chunk, png } from './made.js'
import { failure } from '../errors.js'

const test = suite('checkFiles')
const blob = (bytes: Uint8Array): Blob => new Blob([bytes as Uint8Array<ArrayBuffer>])
const jpeg = fixture('gray.jpeg')
const rgb = fixture('rgb8.png')
const broken: Record<string, Uint8Array> = {
  'empty.png': new Uint8Array(),
  'text.jpeg': new TextEncoder().encode('hello'),
  'cut.jpeg': jpeg.subarray(0, jpeg.length / 2),
  'cut-by-one.jpeg': jpeg.subarray(0, -1),
  'cut.png': rgb.subarray(0, rgb.length / 2),
  'header.png': rgb.subarray(0, 33),
  'cmyk.jpeg': fixture('cmyk.jpeg'),
  'huge.png': png({ width: 60000, height: 60000, raw: new Uint8Array(9) }),
  'no-pixels.png': png({ width: 8, height: 8, raw: null }),
}
const fine: Record<string, Blob | string> = {
  'no-end.png': blob(rgb.subarray(0, -12)),
  'trailing.jpeg': blob(Uint8Array.from([...jpeg, 1, 2, 3])),
  // Longer than what is looked at of each end.
  'profile.png': blob(
    png({ width: 1, height: 1, raw: new Uint8Array(2), before: [chunk('iCCP', new Uint8Array(90000))] }),
  ),
  ...Object.fromEntries(
    readdirSync(fixturePath(''))
      .filter((name) => /\.(png|jpeg)$/.test(name) && name !== 'cmyk.jpeg')
      .map((name) => [name, fixturePath(name)]),
  ),
}
const sample = ([path, file]: [string, Blob | string], label = 0) => ({ path, file, label })
const bad = Object.entries(broken).map(([path, bytes]) => sample([path, blob(bytes)]))
const good = Object.entries(fine).map((entry) => sample(entry, 1))
const gone = sample(['gone.png', '/nonexistent/gone.png'])
const samples = [good[0], ...bad, gone, ...good.slice(1)]

test('every bad picture is named, and no good one', async () => {
  let looked = 0
  const found = await checkFiles(samples, { workers: 0, onProgress: (done) => (looked = done) })
  assert.equal(
    found.map(({ index }) => samples[index].path),
    [...Object.keys(broken), 'gone.png'],
  )
  for (const { index, reason } of found) assert.match(reason, samples[index].path)
  assert.is(looked, samples.length)
  assert.ok(good.length > 40, `${good.length}`)
})

test('a data set with bad pictures is refused, or goes on without them', async () => {
  const transform = compose([ToTensor()])
  const classes = ['a', 'b']
  const set = { samples: [...samples, sample(['one.jpeg', blob(jpeg)])], classes, transform }
  const pool = new DecodePool(0)
  const message = await failure(() => checkDataset(set, { workers: pool }))
  assert.match(message, /^10 of \d+ images cannot be read \(skipUnreadable leaves them out\): /)
  for (const name of [...Object.keys(broken), 'gone.png']) assert.match(message, name)
  const said: string[] = []
  const left = await checkDataset(set, { workers: pool, skipUnreadable: true, onWarning: (line) => said.push(line) })
  assert.is(left.samples.length, set.samples.length - 10)
  assert.is(said.length, 10)
  assert.match(said[0], 'left out: empty.png: must be a JPEG or PNG image, got an empty file')
  const only = { samples: [...bad, ...good], classes, transform }
  assert.is(
    await failure(() => checkDataset(only, { workers: pool, skipUnreadable: true, onWarning() {} })),
    'a: must have images that can be read, got none',
  )
  const whole = { samples: good, classes, transform }
  assert.is(await checkDataset(whole, { workers: pool }), whole)
})

test.run()
