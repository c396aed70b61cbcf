// Samples of a data set as one picture: some of each class, under their names. For a look before training.
import type { Image } from '../data/image.js'
import { pictureSheet } from '../data/sheet.js'
import { checkOptions } from '../util/options.js'

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
 * The pictures on one sheet, a row (or more) for each class, each over its file's name.
 * @throws for an unknown option.
 */
export function contactSheet(pictures: readonly SamplePicture[], options: { columns?: number } = {}): Image {
  checkOptions('contactSheet', options, ['columns'])
  const groups = [...new Set(pictures.map((picture) => picture.class))].map((title) => ({
    title,
    cells: pictures
      .filter((picture) => picture.class === title)
      .map(({ path, image }) => ({ image, lines: [{ text: path.replace(/^.*\//, '') }] })),
  }))
  return pictureSheet(groups, options)
}
