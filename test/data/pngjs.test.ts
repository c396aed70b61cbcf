// Our PNG reader and writer beside pngjs, which shares no code with them.
import { PNG } from 'pngjs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { encodePng } from '../../src/data/encodePng.js'
import { decodePng } from '../../src/data/png.js'

const test = suite('PNG beside pngjs')
const [width, height] = [13, 7]
const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 73 + (i >> 3) * 31) & 255)

/** RGB of pngjs's RGBA. */
const withoutAlpha = (rgba: Uint8Array) => rgba.filter((_, i) => i % 4 < 3)

const COLOURS = { gray: 0, rgb: 2, 'gray + alpha': 4, rgba: 6 } as const
for (const [name, colorType] of Object.entries(COLOURS)) {
  for (const filterType of [0, 1, 2, 3, 4] as const) {
    test(`reads ${name}, filter ${filterType}, as pngjs does`, () => {
      const picture = new PNG({ width, height })
      picture.data = Buffer.from(pixels)
      // Equal numbers for gray, so that pngjs has no colour to convert.
      if (name.startsWith('gray')) for (let i = 0; i < pixels.length; i += 4) picture.data.fill(pixels[i], i, i + 3)
      const bytes = PNG.sync.write(picture, { colorType, filterType })
      const ours = decodePng(bytes, 'x.png', 1e6)
      assert.equal([ours.width, ours.height], [width, height])
      assert.equal([...ours.data], [...withoutAlpha(PNG.sync.read(bytes).data)])
    })
  }
}

test('pngjs reads what is written here', () => {
  const gray = pixels.slice(0, width * height)
  const { data, ...size } = PNG.sync.read(Buffer.from(encodePng(gray, height, width)))
  assert.equal([size.width, size.height], [width, height])
  assert.equal(
    [...withoutAlpha(data)],
    [...gray].flatMap((v) => [v, v, v]),
  )
})

test.run()
