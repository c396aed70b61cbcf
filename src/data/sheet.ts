// Pictures on one sheet, in groups under titles, each over a few lines of text: what a notebook shows in one figure.
// Letters are five columns of seven dots, since a picture must not need a font.
import { check } from '../util/check.js'
import type { Image } from './image.js'

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

/** Red, green and blue bytes. */
type Colour = readonly [number, number, number]

export interface SheetCell {
  image: Image
  /** Under the picture, one below the other; near white unless a colour is given. */
  lines: readonly { text: string; colour?: Colour }[]
}

export interface SheetGroup {
  title?: string
  cells: readonly SheetCell[]
}

const GAP = 12
/** Of a letter with the space behind it, in dots; a dot is two pixels wide in titles and one in lines. */
const LETTER = 6
const [TITLE, LINE] = [2, 1]
/** Of a line of dots of one pixel with the space below it. */
const LINE_HEIGHT = 11
const BACKGROUND = 24
const LIGHT: Colour = [235, 235, 235]

/**
 * The pictures on one sheet on a dark ground.
 * @param options.columns of each group; 6.
 * @throws where there is no picture.
 */
export function pictureSheet(groups: readonly SheetGroup[], { columns = 6 }: { columns?: number } = {}): Image {
  const cells = groups.flatMap((group) => group.cells)
  check(cells.length > 0, 'pictureSheet: needs one picture or more, got none')
  const side = Math.max(...cells.map(({ image }) => Math.max(image.width, image.height)), 120)
  const lines = Math.max(...cells.map((cell) => cell.lines.length))
  const cell = { width: side + GAP, height: side + LINE_HEIGHT * lines + 2 * GAP - 3 }
  const titleOf = ({ title }: SheetGroup) => (title === undefined ? 0 : 8 * TITLE + GAP)
  const heightOf = (group: SheetGroup) => titleOf(group) + Math.ceil(group.cells.length / columns) * cell.height
  const width = GAP + Math.min(columns, Math.max(...groups.map((group) => group.cells.length))) * cell.width
  const height = GAP + groups.reduce((sum, group) => sum + heightOf(group), 0)
  const sheet: Image = { width, height, data: new Uint8Array(3 * width * height).fill(BACKGROUND) }
  let top = GAP
  for (const group of groups) {
    if (group.title !== undefined) write(sheet, group.title, GAP, top, TITLE, width - 2 * GAP)
    group.cells.forEach(({ image, lines: own }, i) => {
      const left = GAP + (i % columns) * cell.width
      const y = top + titleOf(group) + Math.floor(i / columns) * cell.height
      paste(sheet, image, left + ((side - image.width) >> 1), y + ((side - image.height) >> 1))
      own.forEach(({ text, colour }, l) => write(sheet, text, left, y + side + 4 + LINE_HEIGHT * l, LINE, side, colour))
    })
    top += heightOf(group)
  }
  return sheet
}

function paste(sheet: Image, image: Image, left: number, top: number): void {
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(3 * y * image.width, 3 * (y + 1) * image.width)
    sheet.data.set(row, 3 * ((top + y) * sheet.width + left))
  }
}

/** A line of text; what is too long loses its middle, what is not ASCII becomes a question mark. */
function write(
  sheet: Image,
  text: string,
  left: number,
  top: number,
  dot: number,
  most: number,
  colour: Colour = LIGHT,
): void {
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
        sheet.data.set(colour, at)
      }
    }
  })
}
