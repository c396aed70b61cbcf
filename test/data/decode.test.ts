// Decoding against Pillow: every PNG kind, EXIF orientations, JPEG kinds, and files that must be refused by name.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeImage } from '../../src/data/decode.js'
import { loadImage } from '../../src/data/decodeTask.js'
import { sharpVersion } from '../../src/data/sharp.node.js'
import type { Image } from '../../src/data/image.js'
import { difference, expectedImage, fixture, fixturePath } from './fixtures.js'
import { failure } from '../errors.js'

const test = suite('decode')

const pngs = [
  'gray1',
  'gray2',
  'gray4',
  'gray8',
  'gray16',
  'palette1',
  'palette2',
  'palette4',
  'palette8',
  'rgb8',
  'rgb16',
  'graya8',
  'graya16',
  'rgba8',
  'rgba16',
  'gray8_trns',
  'rgb8_trns',
  'rgb8_interlaced',
  'gray4_interlaced',
  'scene_61x47',
]
for (const name of pngs) {
  test(`${name}.png is what Pillow reads`, async () => {
    assert.is(difference(await decodeImage(fixture(`${name}.png`), name), expectedImage(name)), 0)
  })
}

for (let orientation = 1; orientation <= 8; orientation++) {
  test(`EXIF orientation ${orientation}`, async () => {
    for (const [kind, tolerance] of [
      ['png', 0],
      ['jpeg', 1],
    ] as const) {
      const image = await decodeImage(fixture(`orientation${orientation}.${kind}`), kind)
      assert.ok(difference(image, expectedImage(`orientation${orientation}_${kind}`)) <= tolerance, kind)
    }
  })
}

// One level: libjpeg's inverse transform of gray and luma is another one.
const jpegs = [
  'gray',
  'gray_progressive',
  'gray_restart',
  'radiograph_rgb',
  'adobe_rgb',
  'colour_444',
  'colour_422',
  'colour_440',
  'colour_420',
  'colour_420_progressive',
  'colour_420_narrow',
]
for (const name of jpegs) {
  test(`${name}.jpeg is within one level of Pillow`, async () => {
    const off = difference(await decodeImage(fixture(`${name}.jpeg`), name), expectedImage(name))
    assert.ok(off <= 1, `off by ${off}`)
  })
}

test('a JPEG at a half to an eighth: the means of what the whole picture has there, no side too short', async () => {
  const luma = ({ width, data }: Image, x: number, y: number): number => {
    const at = (y * width + x) * 3
    return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]
  }
  for (const name of [
    'gray',
    'gray_progressive',
    'colour_420',
    'colour_420_progressive',
    'colour_444',
    'radiograph_rgb',
  ]) {
    const whole = await decodeImage(fixture(`${name}.jpeg`), name)
    const shorter = Math.min(whole.width, whole.height)
    for (const side of [1, 2, 4]) {
      const small = await decodeImage(fixture(`${name}.jpeg`), name, { leastSide: Math.floor((shorter * side) / 8) })
      const across = 8 / side
      assert.equal(
        [small.width, small.height],
        [whole.width, whole.height].map((n) => Math.ceil(n / across)),
      )
      let [sum, count] = [0, 0]
      for (let y = 0; y < Math.floor(whole.height / across); y++)
        for (let x = 0; x < Math.floor(whole.width / across); x++) {
          let mean = 0
          for (let dy = 0; dy < across; dy++)
            for (let dx = 0; dx < across; dx++) mean += luma(whole, x * across + dx, y * across + dy) / across ** 2
          sum += Math.abs(mean - luma(small, x, y))
          count++
        }
      assert.ok(sum / count < 2.5, `${name} at ${side}/8: off by ${sum / count} on average`)
    }
    const same = await decodeImage(fixture(`${name}.jpeg`), name, { leastSide: shorter })
    assert.is(difference(same, whole), 0)
  }
})

test('the content decides, not the name', async () => {
  assert.is(difference(await decodeImage(fixture('rgb8.png'), 'rgb8.jpeg'), expectedImage('rgb8')), 0)
})

test('bytes after the end of a PNG are ignored', async () => {
  const bytes = new Uint8Array([...fixture('rgb8.png'), 1, 2, 3])
  assert.is(difference(await decodeImage(bytes, 'rgb8.png'), expectedImage('rgb8')), 0)
})

test('a truncated file is refused by name wherever it was cut; a PNG only while pixels are missing', async () => {
  for (const file of [
    'gray.jpeg',
    'gray_progressive.jpeg',
    'gray_restart.jpeg',
    'colour_420.jpeg',
    'rgb8.png',
    'rgb8_interlaced.png',
  ]) {
    const whole = fixture(file)
    const least = file.endsWith('png') ? whole.length - 24 : whole.length
    for (let length = 0; length < least; length += 7) {
      assert.match(await failure(() => decodeImage(whole.subarray(0, length), `a/${file}`)), `a/${file}: must `)
    }
    if (file.endsWith('jpeg')) assert.match(await failure(() => decodeImage(whole.subarray(0, -1), file)), file)
    else assert.is(difference(await decodeImage(whole.subarray(0, -13), file), await decodeImage(whole, file)), 0)
  }
})

test('other files are refused by name', async () => {
  assert.is(
    await failure(() => decodeImage(new TextEncoder().encode('hello'), 'notes.jpeg')),
    'notes.jpeg: must be a JPEG or PNG image, got a file that begins with 68 65 6c 6c',
  )
  for (const [start, what] of [
    ['MM\0*', 'a TIFF image'],
    ['RIFF\x10\0\0\0WEBPVP8 ', 'a WebP image'],
    [`${'\0'.repeat(128)}DICM`, 'a DICOM file'],
    ['<!doctype html>', 'a page of HTML or XML'],
  ])
    assert.is(
      await failure(() =>
        decodeImage(
          Uint8Array.from(start, (letter) => letter.charCodeAt(0)),
          'x',
        ),
      ),
      `x: must be a JPEG or PNG image, got ${what}`,
    )
  assert.is(
    await failure(() => decodeImage(new Uint8Array(), 'none.png')),
    'none.png: must be a JPEG or PNG image, got an empty file',
  )
  assert.is(
    await failure(() => decodeImage(fixture('cmyk.jpeg'), 'cmyk.jpeg')),
    'cmyk.jpeg: must be a gray or RGB JPEG, got 4 components (CMYK); convert it to RGB',
  )
})

const installed = await sharpVersion().then(Boolean, () => false)
const bySharp = (file: string | Blob) => loadImage({ path: 'a.jpeg', file, steps: [], decoder: 'sharp' })

test('sharp, where it is not installed, is refused with the remedy', async () => {
  if (installed) return
  assert.is(
    await failure(() => bySharp(fixturePath('gray.jpeg'))),
    "a.jpeg: must be decodable, got 'decoder: needs the package sharp ('npm install sharp'), got none'",
  )
})

test('by sharp, where it is installed, JPEG is within one level and upright; PNG is the same; the rest is refused', async () => {
  if (!installed) return
  for (const name of [...jpegs.map((jpeg) => `${jpeg}.jpeg`), 'orientation6.jpeg', 'rgb8.png']) {
    const own = await decodeImage(fixture(name), name)
    assert.ok(difference(await bySharp(fixturePath(name)), own) <= (name.endsWith('png') ? 0 : 1), name)
  }
  const whole = fixture('gray.jpeg')
  const cut = new Blob([whole.slice(0, whole.length - 30) as Uint8Array<ArrayBuffer>])
  assert.match(await failure(() => bySharp(cut)), 'a.jpeg: must be decodable, got')
  assert.is(
    await failure(() => bySharp(fixturePath('cmyk.jpeg'))),
    'a.jpeg: must be gray or have three components, got 4',
  )
})

test.run()
