// Samples of a data set as one picture: some of each class of its first split, under their names. For a look before
// training; letters are five columns of seven dots, since a picture must not need a font.
import { DecodePool } from '../data/decodePool.js'
import type { Image } from '../data/image.js'
import type { DataSource } from '../data/imageFolder.js'
import { fitSquare } from '../data/resize.js'
import { RadiogradError, check } from '../util/check.js'
import { Random } from '../util/random.js'
import { readTree } from './tree.js'

/** ASCII from the space to the tilde: five columns each, two digits a column, the lowest bit on top. */
const GLYPHS =
  '000000000000005f00000007000700147f147f14242a7f2a12231308646236495522500005030000001c2241000041221c00' +
  '14083e081408083e080800503000000808080808006060000020100804023e5149453e00427f400042615149462141454b31' +
  '1814127f1027454545393c4a49493001710905033649494936064949291e0036360000005636000008142241001414141414' +
  '00412214080201510906324979413e7e1111117e7f494949363e414141227f4141221c7f494949417f090909013e4149497a' +
  '7f0808087f00417f41002040413f017f081422417f404040407f020c027f7f0408107f3e4141413e7f090909063e4151215e' +
  '7f09192946464949493101017f01013f4040403f1f2040201f3f4038403f631408146307087008076151494543007f414100' +
  '02040810200041417f0004020102044040404040000102040020545454787f484444383844444420384444487f3854545418' +
  '087e0901020c5252523e7f0804047800447d40002040443d007f1028440000417f40007c041804787c080404783844444438' +
  '7c14141408081414187c7c080404084854545420043f4440203c4040207c1c2040201c3c4030403c44281028440c5050503c' +
  '4464544c44000836410000007f000000413608001008081008'

/** A picture of a class. */
export interface SamplePicture {
  class: string
  split: string
  /** Below the data set's folder. */
  path: string
  /** No side is longer than was asked for. */
  image: Image
}

/**
 * Some pictures of each class, drawn at random from the first split (train before all others). What cannot be read is
 * passed over.
 * @param options.each of a class; 6. @param options.side the longer side in pixels; 192. @param options.seed 0.
 */
export async function samplePictures(
  source: DataSource,
  options: { each?: number; side?: number; seed?: number; workers?: number; maxPixels?: number } = {},
): Promise<SamplePicture[]> {
  const { each = 6, side = 192, seed = 0, workers, maxPixels } = options
  const { entries } = readTree(source)
  const splits = [...new Set(entries.map(({ split }) => split))]
  const split = splits.find((name) => /^train/i.test(name)) ?? splits[0]
  const here = entries.filter((entry) => entry.split === split)
  const pool = new DecodePool(workers, { maxPixels })
  const found: SamplePicture[] = []
  try {
    for (const name of [...new Set(here.map((entry) => entry.class))].sort()) {
      const own = new Random(seed, 0x5a3d).shuffle(here.filter((entry) => entry.class === name))
      let left = each
      for (const { path, file } of own) {
        if (left === 0) break
        const image = await pool.decode({ path, file, steps: [], leastSide: side }).catch((error: Error) => {
          if (!(error instanceof RadiogradError)) throw error
          return null
        })
        if (!image) continue
        found.push({ class: name, split, path, image: fitSquare(image, side) })
        left--
      }
    }
  } finally {
    await pool.close()
  }
  return found
}

const GAP = 12
/** Of a letter with the space behind it, in dots; a dot is two pixels wide in titles and one in names. */
const LETTER = 6
const [TITLE, NAME] = [2, 1]
const BACKGROUND = 24

/** The pictures on one sheet, a row (or more) for each class, each under its file's name. */
export function contactSheet(pictures: readonly SamplePicture[], { columns = 6 }: { columns?: number } = {}): Image {
  check(pictures.length > 0, 'contactSheet: needs one picture or more, got none')
  const side = Math.max(...pictures.map(({ image }) => Math.max(image.width, image.height)), 120)
  const cell = { width: side + GAP, height: side + 8 * NAME + 2 * GAP }
  const titleHeight = 8 * TITLE + GAP
  const classes = [...new Set(pictures.map((picture) => picture.class))].map((name) => ({
    name,
    own: pictures.filter((picture) => picture.class === name),
  }))
  const heightOf = (count: number) => titleHeight + Math.ceil(count / columns) * cell.height
  const width = GAP + Math.min(columns, Math.max(...classes.map(({ own }) => own.length))) * cell.width
  const height = GAP + classes.reduce((sum, { own }) => sum + heightOf(own.length), 0)
  const sheet: Image = { width, height, data: new Uint8Array(3 * width * height).fill(BACKGROUND) }
  let top = GAP
  for (const { name, own } of classes) {
    write(sheet, name, GAP, top, TITLE, width - 2 * GAP)
    own.forEach(({ path, image }, i) => {
      const left = GAP + (i % columns) * cell.width
      const y = top + titleHeight + Math.floor(i / columns) * cell.height
      paste(sheet, image, left + ((side - image.width) >> 1), y + ((side - image.height) >> 1))
      write(sheet, path.replace(/^.*\//, ''), left, y + side + 4, NAME, side)
    })
    top += heightOf(own.length)
  }
  return sheet
}

function paste(sheet: Image, image: Image, left: number, top: number): void {
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(3 * y * image.width, 3 * (y + 1) * image.width)
    sheet.data.set(row, 3 * ((top + y) * sheet.width + left))
  }
}

/** A line of text in white; what is too long loses its middle, what is not ASCII becomes a question mark. */
function write(sheet: Image, text: string, left: number, top: number, dot: number, most: number): void {
  const fits = Math.max(3, Math.floor(most / (LETTER * dot)))
  const [head, tail] = [Math.ceil((fits - 2) / 2), Math.floor((fits - 2) / 2)]
  const line = text.length > fits ? `${text.slice(0, head)}..${text.slice(text.length - tail)}` : text
  ;[...line].forEach((letter, i) => {
    const code = letter.charCodeAt(0)
    const glyph = 10 * ((code < 32 || code > 126 ? 63 : code) - 32)
    for (let x = 0; x < 5 * dot; x++) {
      const column = parseInt(GLYPHS.slice(glyph + 2 * Math.floor(x / dot)).slice(0, 2), 16)
      for (let y = 0; y < 7 * dot; y++) {
        if (((column >> Math.floor(y / dot)) & 1) === 0) continue
        const at = 3 * ((top + y) * sheet.width + left + i * LETTER * dot + x)
        sheet.data.fill(235, at, at + 3)
      }
    }
  })
}
