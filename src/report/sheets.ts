// The pictures of a report as files of their own, by name: samples of the classes side by side, predictions in a grid,
// each mistake with its heat maps.
import type { Image } from '../data/image.js'
import { type SheetCell, pictureSheet } from '../data/sheet.js'
import { gridOf, saidOf } from './results.js'
import { type ReportInput, shownRuns } from './run.js'
import { fileOf, num } from './words.js'

const [RIGHT, WRONG] = [
  [111, 207, 151],
  [255, 138, 128],
] as const

export function* pictureFiles({ runs, data, pictures }: ReportInput): Generator<[name: string, image: Image]> {
  for (const { name, audit, samples } of data) {
    // A column for each class, as the notebook has it: left normal, right pneumonia.
    const columns = audit.classes.map((of) => samples.filter((sample) => sample.class === of))
    const rows = Math.min(...columns.map((own) => own.length))
    const cells = Array.from({ length: rows }, (_, row) => columns.map((own) => own[row])).flat()
    if (cells.length)
      yield [
        `samples-${name}`,
        pictureSheet(
          [{ cells: cells.map((c) => ({ image: c.image, lines: [{ text: c.class }, { text: fileOf(c.path) }] })) }],
          { columns: columns.length },
        ),
      ]
  }
  for (const run of shownRuns(runs)) {
    const said = saidOf(run)
    const cells = gridOf(run).map((i): SheetCell => {
      const { file, actual, called, probability, right } = said[i]
      return {
        image: pictures.get(file)!,
        lines: [
          { text: `${called} ${num(probability, 2)}`, colour: right ? RIGHT : WRONG },
          { text: `actual ${actual}` },
        ],
      }
    })
    yield [`predictions-${run.name}`, pictureSheet([{ title: run.name, cells }])]
    for (const [i, { picture, maps }] of run.explained.entries()) {
      yield [`${run.name}-mistake${i + 1}-radiograph`, picture]
      for (const { method, heatMap, randomised } of maps) {
        yield [`${run.name}-mistake${i + 1}-${method}`, heatMap]
        yield [`${run.name}-mistake${i + 1}-${method}-randomised`, randomised.heatMap]
      }
    }
  }
}
