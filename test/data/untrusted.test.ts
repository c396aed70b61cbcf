// Pictures that lie, are damaged, or ask for more than they should: refused by name before anything is allocated, or read
// as Pillow reads them. What Pillow says of each was looked up once and is written beside it.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deflateSync } from 'node:zlib'
import { decodeImage, type DecodeOptions } from '../../src/data/decode.js'
import { inflateStart } from '../../src/data/inflate.js'
import { difference, expectedImage, fixture } from './fixtures.js'
import { chunk, png, segment, segments, withSegments } from './made.js'
import { failure } from '../errors.js'

const test = suite('untrusted pictures')

const refusal = (bytes: Uint8Array, options?: DecodeOptions): Promise<string> =>
  failure(() => decodeImage(bytes, 'x', options))
const rows = (height: number, line: number): Uint8Array =>
  Uint8Array.from({ length: height * (line + 1) }, (_, i) => (i % (line + 1) === 0 ? 0 : (7 * i) % 251))
const gray8 = { width: 8, height: 8, raw: rows(8, 8) }

test('a PNG is limited by its header, before its pixels are unpacked', async () => {
  const before = process.memoryUsage().arrayBuffers
  for (const size of [
    { width: 60000, height: 60000 },
    { width: 1, height: 100e6, depth: 1 },
    { width: 10000, height: 10000, depth: 16, colour: 6 },
  ])
    assert.match(await refusal(png({ ...size, raw: new Uint8Array(10) })), /^x: must have at most 25 million pixels/)
  assert.is(
    await refusal(png({ ...gray8 }), { maxPixels: 63 }),
    'x: must have at most 0.000063 million pixels (maxPixels), got 8 × 8',
  )
  assert.match(
    await refusal(png({ ...gray8, before: [chunk('IHDR', png.header({ width: 60000, height: 60000 }))] })),
    'two',
  )
  // 25 million pixels of nothing.
  assert.match(await refusal(png({ width: 5000, height: 5000, raw: new Uint8Array(10) })), 'bytes of compressed data')
  assert.ok(process.memoryUsage().arrayBuffers - before < 20e6)
})

test('a PNG without all of its pixels is refused, not filled up', async () => {
  const { width, height } = gray8
  assert.match(await refusal(png({ width, height, raw: null })), 'without pixels')
  for (const length of [0, 9, 71])
    assert.match(await refusal(png({ width, height, raw: gray8.raw.subarray(0, length) })), `got ${length} of 72 bytes`)
  const cut = deflateSync(rows(40, 40)).subarray(0, 100)
  assert.match(await refusal(png({ width: 40, height: 40, raw: null, after: [chunk('IDAT', cut)] })), 'of 1640 bytes')
})

test('checksums count where Pillow looks at them', async () => {
  const whole = await decodeImage(png(gray8), 'x')
  const damage = (at: number): Uint8Array => {
    const bytes = png({ ...gray8, before: [chunk('tEXt', new Uint8Array(4))] })
    bytes[at < 0 ? bytes.length + at : at] ^= 1
    return bytes
  }
  assert.is(await refusal(damage(29)), 'x: must be an undamaged PNG file, got a wrong checksum of chunk IHDR')
  assert.is(await refusal(damage(46)), 'x: must be an undamaged PNG file, got a wrong checksum of chunk tEXt')
  assert.match(await refusal(damage(-17)), 'incorrect data check') // zlib's
  for (const unread of [-13, -1]) assert.is(difference(await decodeImage(damage(unread), 'x'), whole), 0)
})

test('PNGs that Pillow reads are read', async () => {
  const whole = await decodeImage(png(gray8), 'x')
  const packed = deflateSync(gray8.raw)
  const end = chunk('IEND', new Uint8Array())
  const surplus = new Uint8Array([...gray8.raw, ...new Uint8Array(5000)])
  for (const bytes of [
    png({ ...gray8, raw: surplus }),
    png({ ...gray8, raw: null, after: [chunk('IDAT', new Uint8Array([...packed, 1, 2, 3])), end] }),
    png({ ...gray8, raw: null, after: [chunk('IDAT', packed)] }),
    png({ ...gray8, before: [chunk('ABCD', Uint8Array.of(1, 2)), chunk('prVt', Uint8Array.of(1))] }),
    png({ ...gray8, before: [chunk('IDAT', new Uint8Array())] }),
    png({ ...gray8, raw: null, after: [chunk('IDAT', packed.subarray(0, 5)), chunk('IDAT', packed.subarray(5)), end] }),
  ])
    assert.is(difference(await decodeImage(bytes, 'x'), whole), 0)
})

test('a stream that would unpack to much more is left where the pixels end', async () => {
  const bomb = deflateSync(new Uint8Array(300e6))
  const started = performance.now()
  const image = await decodeImage(png({ width: 8, height: 8, raw: null, after: [chunk('IDAT', bomb)] }), 'x')
  assert.equal(image.data, new Uint8Array(192))
  const text = chunk('iCCP', new Uint8Array([97, 0, 0, ...bomb]))
  assert.equal((await decodeImage(png({ ...gray8, before: [text] }), 'x')).width, 8)
  assert.ok(performance.now() - started < 5000)
})

test('fflate inflates as zlib does: checksum, surplus, cut', () => {
  const raw = rows(300, 300)
  const packed = deflateSync(raw)
  assert.equal(inflateStart(packed, raw.length), raw)
  assert.equal(inflateStart(new Uint8Array([...packed, 1, 2, 3]), raw.length), raw)
  assert.equal(inflateStart(packed, 1000), raw.subarray(0, 1000))
  assert.ok(inflateStart(packed.subarray(0, packed.length / 2), raw.length).length < raw.length)
  const wrong = packed.slice()
  wrong[wrong.length - 1] ^= 1
  assert.throws(() => inflateStart(wrong, raw.length), /incorrect data check/)
  assert.throws(() => inflateStart(Uint8Array.of(1, 2, 3), 9), /incorrect header check/)
})

test('a colour number outside the palette, a wrong filter and kinds that PNG does not know', async () => {
  const palette = [chunk('PLTE', Uint8Array.of(1, 2, 3))]
  const file = { ...gray8, colour: 3, before: palette, raw: rows(8, 8).fill(0) }
  assert.equal((await decodeImage(png(file), 'x')).data.subarray(0, 3), Uint8Array.of(1, 2, 3))
  file.raw[70] = 1
  assert.is(await refusal(png(file)), 'x: must use colours of its palette, got number 1 of 1')
  assert.is(await refusal(png({ ...file, before: [] })), 'x: must have a palette for its colour numbers, got none')
  assert.match(await refusal(png({ ...gray8, raw: rows(8, 8).fill(9) })), 'filters 0 to 4, got 9')
  assert.match(await refusal(png({ ...gray8, depth: 3 })), 'got type 0 of 3 bits')
})

test('a palette in two places or too large, and transparency that is cut off, as Pillow refuses them', async () => {
  const colours = chunk('PLTE', Uint8Array.of(1, 2, 3))
  const file = { ...gray8, colour: 3, raw: rows(8, 8).fill(0) }
  assert.match(
    await refusal(png({ ...file, before: [colours, colours] })),
    /^x: must have one palette before its pixels/,
  )
  const packed = [chunk('IDAT', deflateSync(file.raw)), colours, chunk('IEND', new Uint8Array())]
  assert.match(await refusal(png({ ...file, raw: null, after: packed })), /^x: must have one palette before its pixels/)
  const large = chunk('PLTE', new Uint8Array(771))
  assert.match(await refusal(png({ ...file, before: [large] })), /at most 256 colours, got 771 bytes/)
  const transparency = chunk('tRNS', Uint8Array.of(0))
  assert.is(await refusal(png({ ...gray8, before: [transparency] })), 'x: must have 2 bytes of transparency, got 1')
})

test('12 bits in 16 are scaled by sBIT, or said to be dark', async () => {
  const raw = Uint8Array.of(0, 0x0f, 0xff, 0, 0x08, 0x00) // two rows of one sample: 4095, 2048
  const file = { width: 1, height: 2, depth: 16, raw }
  const plain = await decodeImage(png(file), 'x')
  assert.equal([plain.data[0], plain.data[3]], [15, 8])
  assert.match(plain.warning!, /^x: 16-bit gray with values to 4095 only: almost black/)
  const scaled = await decodeImage(png({ ...file, before: [chunk('sBIT', Uint8Array.of(12))] }), 'x')
  assert.equal([scaled.data[0], scaled.data[3], scaled.warning], [255, 128, undefined])
  // As PNG asks: 12 significant bits spread over 16.
  const spread = { ...file, raw: Uint8Array.of(0, 0xff, 0xff, 0, 0x80, 0x08) }
  const spreadToo = await decodeImage(png({ ...spread, before: [chunk('sBIT', Uint8Array.of(12))] }), 'x')
  assert.equal([spreadToo.data[0], spreadToo.data[3], spreadToo.warning], [255, 128, undefined])
})

/** A fixture with its frame header changed by `edit`, which gets the segment's contents. */
function reframed(name: string, edit: (frame: Uint8Array) => void, marker?: number): Uint8Array {
  return withSegments(fixture(name), (parts) => {
    const frame = parts.find((p) => p.marker === 0xc0 || p.marker === 0xc2)!
    edit(frame.contents)
    frame.marker = marker ?? frame.marker
  })
}

test('JPEG segments of a length or kind that libjpeg refuses', async () => {
  const changed = (marker: number, edit: (contents: Uint8Array) => Uint8Array, become = marker): Promise<string> =>
    refusal(
      withSegments(fixture('gray.jpeg'), (parts) => {
        const part = parts.find((p) => p.marker === marker)!
        part.contents = edit(part.contents)
        part.marker = become
      }),
    )
  const longer = (contents: Uint8Array) => Uint8Array.from([...contents, 0, 0, 0])
  assert.match(await changed(0xc0, longer), 'a frame header of the wrong length')
  assert.match(await changed(0xda, longer), 'a bad scan header')
  assert.match(await changed(0xe0, (contents) => contents, 0x11), 'marker ff 11')
  assert.match(await changed(0xe0, longer, 0xdd), 'a bad restart interval')
  const means = (contents: Uint8Array) => contents.map((v, i) => (i === contents.length - 1 ? 0xfe : v))
  assert.match(await changed(0xc4, means), 'a bad Huffman table') // the first table is that of means
})

test('a JPEG is limited by its frame header', async () => {
  const before = process.memoryUsage().arrayBuffers
  const sized = (name: string, high: number): Promise<string> =>
    refusal(reframed(name, (f) => f.set([high, 0x10, high, 0x10], 1)))
  for (const name of ['gray.jpeg', 'gray_progressive.jpeg', 'colour_420.jpeg']) {
    assert.match(await sized(name, 0xff), /^x: must have at most 25 million pixels/)
    assert.match(await sized(name, 0x13), /^x: must hold its 4880 × 4880 pixels, got \d+ bytes of coded data/)
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 20e6)
  assert.match(await refusal(reframed('gray.jpeg', (f) => f.set([0, 0], 1))), 'DNL')
  assert.match(await refusal(fixture('gray.jpeg'), { maxPixels: 100 }), 'got 45 × 37')
})

test('JPEG kinds that are not read are named', async () => {
  for (const [marker, kind] of [
    [0xc3, 'a lossless one'],
    [0xc5, 'a hierarchical one'],
    [0xc9, 'an arithmetic-coded one'],
    [0xca, 'an arithmetic-coded progressive one'],
  ] as const)
    assert.is(
      await refusal(reframed('gray.jpeg', () => {}, marker)),
      `x: must be a baseline or progressive JPEG, got ${kind}`,
    )
  assert.is(
    await refusal(reframed('gray.jpeg', (f) => f.set([12], 0), 0xc1)),
    'x: must be a JPEG of 8 bits per channel, got 12',
  )
  const ycck = withSegments(fixture('cmyk.jpeg'), (parts) => {
    parts.find((p) => p.marker === 0xee)!.contents[11] = 2
  })
  assert.match(await refusal(ycck), '4 components (YCCK)')
})

/** Place of the last part with this marker. */
const lastOf = (parts: readonly { marker: number }[], marker: number): number =>
  parts.map((p) => p.marker).lastIndexOf(marker)

test('a JPEG with a second frame, repeated or missing scans, or a bad header is refused', async () => {
  const twice = (marker: number): Uint8Array =>
    withSegments(fixture('gray_progressive.jpeg'), (parts) => {
      const at = lastOf(parts, marker)
      parts.splice(at, 0, parts[at])
    })
  assert.match(await refusal(twice(0xc2)), 'a second frame header')
  assert.match(await refusal(twice(0xda)), 'a scan out of order')
  const bomb = withSegments(fixture('gray_progressive.jpeg'), (parts) => {
    const last = lastOf(parts, 0xda)
    parts.splice(last, 0, ...new Array(1000).fill(parts[last]))
  })
  assert.match(await refusal(bomb), 'undamaged')
  const short = withSegments(fixture('gray_progressive.jpeg'), (parts) => {
    parts.splice(lastOf(parts, 0xda), 1)
  })
  assert.match(await refusal(short), 'scans that leave out part of the picture')
  for (const marker of [0xdb, 0xc4, 0xc0, 0xda]) {
    const without = withSegments(fixture('gray.jpeg'), (parts) => {
      parts.splice(0, parts.length, ...parts.filter((p) => p.marker !== marker))
    })
    assert.match(await refusal(without), 'x: must be a complete, undamaged JPEG file')
  }
  assert.match(await refusal(reframed('colour_420.jpeg', (f) => f.set([0x32, 0, 2, 0x21], 7))), 'sampling factors that')
  assert.match(await refusal(reframed('colour_420.jpeg', (f) => f.set([0], 7))), 'sampling factors 0 × 0')
})

test('damaged coded data of a JPEG are refused, cut ones with an end put behind them too', async () => {
  for (const name of ['gray.jpeg', 'gray_progressive.jpeg', 'colour_420.jpeg']) {
    const whole = fixture(name)
    const half = Uint8Array.from([...whole.subarray(0, whole.length / 2), 0xff, 0xd9])
    assert.match(await refusal(half), 'undamaged JPEG')
  }
  const restarts = fixture('gray_restart.jpeg').slice()
  const at = restarts.findIndex((byte, i) => byte === 0xff && restarts[i + 1] === 0xd1)
  restarts[at + 1] = 0xd2
  assert.match(await refusal(restarts), 'a restart marker missing or out of order')
})

test('what stands between the segments of a JPEG is passed over', async () => {
  const whole = fixture('gray.jpeg')
  for (const filling of [[0xff, 0xff, 0xff], [0, 0], [0xff, 0xd0], new Array(3000).fill(segment(0xfe, [])).flat()]) {
    const bytes = Uint8Array.from([0xff, 0xd8, ...filling, ...whole.subarray(2)])
    // The first three bytes tell a JPEG.
    if (bytes[2] === 0xff) assert.ok(difference(await decodeImage(bytes, 'x'), expectedImage('gray')) <= 1)
    else assert.match(await refusal(bytes), 'must be a JPEG or PNG image')
  }
  const later = withSegments(whole, (parts) =>
    parts.splice(1, 0, { marker: 0xfe, contents: new Uint8Array(9), tail: [0, 1] }),
  )
  assert.ok(difference(await decodeImage(later, 'x'), expectedImage('gray')) <= 1)
})

test('EXIF counts in its own segment only, and cannot loop or lie', async () => {
  const tiff = (entries: number, count: number, next = 8): number[] => [
    ...[0x49, 0x49, 42, 0, 8, 0, 0, 0, entries & 255, entries >> 8],
    ...[0x12, 1, 3, 0, count & 255, (count >> 8) & 255, (count >> 16) & 255, (count >>> 24) & 255, 6, 0, 0, 0],
    ...[next, 0, 0, 0],
  ]
  const marked = [0x45, 0x78, 0x69, 0x66, 0, 0]
  const height = async (...inserted: number[]): Promise<number> => {
    const whole = fixture('gray.jpeg')
    return (await decodeImage(Uint8Array.from([0xff, 0xd8, ...inserted, ...whole.subarray(2)]), 'x')).height
  }
  assert.is(await height(...segment(0xe1, [...marked, ...tiff(1, 1)])), 45)
  assert.is(
    await height(...segment(0xe1, [...marked, ...tiff(1, 1)]), ...segment(0xe1, [...marked, ...tiff(0, 1)])),
    45,
  )
  for (const elsewhere of [
    segment(0xfe, [...marked, ...tiff(1, 1)]),
    segment(0xe2, [...marked, ...tiff(1, 1)]),
    segment(0xe1, tiff(1, 1)),
    segment(0xe1, [...marked, ...tiff(1, 0xffffffff)]),
    segment(0xe1, [...marked, ...tiff(0, 1)]),
    segment(0xe1, [...marked, 0x49, 0x49, 42, 0, 0xff, 0xff, 0xff, 0xff]),
    segment(0xe1, marked),
  ])
    assert.is(await height(...elsewhere), 37)
  assert.is(segments(fixture('gray.jpeg'))[0].marker, 0xe0)
})

test.run()
