// A folder of classes as a list of labelled files, as torchvision's ImageFolder reads it. Lists, never decodes.
import { listFolder } from '#platform/files'
import { check } from '../util/check.js'
import { checkOptions } from '../util/options.js'
import { describeLeftOut, imagesOf, isHidden, type Listing, otherImages } from './listing.js'
import type { Pipeline } from './transforms.js'

/** One labelled picture; `path` is the name that errors and reports show. */
export interface Sample {
  readonly path: string
  readonly file: string | Blob
  readonly label: number
}

/** What a DataLoader reads. */
export interface Dataset {
  readonly samples: readonly Sample[]
  readonly classes: readonly string[]
  readonly transform: Pipeline
}

/** A file picked in a page (its `webkitRelativePath` begins with the picked folder), or bytes with a path. */
export type PickedFile =
  | (Blob & { readonly webkitRelativePath: string; readonly name: string })
  | { path: string; blob: Blob }

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1)

function listPicked(files: Iterable<PickedFile>): Listing {
  const listing: Listing = { files: [], folders: [], leftOut: [] }
  for (const file of files) {
    const path = 'blob' in file ? file.path : file.webkitRelativePath.split('/').slice(1).join('/') || file.name
    if (path.split('/').some(isHidden)) listing.leftOut.push({ path, why: 'hidden' })
    else listing.files.push({ path, file: 'blob' in file ? file.blob : file })
  }
  return listing
}

/** A folder by its path (Node), or files picked in a page. */
export type DataSource = string | Iterable<PickedFile>

/** Everything in a source that is not hidden. */
export const listSource = (source: DataSource): Listing =>
  typeof source === 'string' ? listFolder(source) : listPicked(source)

/** The part of a listing below `root`, with paths relative to it. */
function below({ files, folders, leftOut }: Listing, root: string): Listing {
  const prefix = root.replace(/\/*$/, '/')
  const inside = <T extends { path: string }>(entries: T[]): T[] =>
    entries.filter((e) => e.path.startsWith(prefix)).map((e) => ({ ...e, path: e.path.slice(prefix.length) }))
  return {
    files: inside(files),
    folders: folders.filter((f) => f.startsWith(prefix)).map((f) => f.slice(prefix.length)),
    leftOut: inside(leftOut),
  }
}

/**
 * Labelled pictures of a folder with one sub-folder per class: `root/NORMAL/a.jpeg`, `root/PNEUMONIA/b/c.png`.
 * Classes are the sub-folders' names, sorted; .jpeg, .jpg and .png in any case count, hidden files do not. What was
 * left out is told in `notes`.
 * Errors name the folder: missing, without class folders, with only one, or with a class folder without pictures.
 * @throws unless there are folders of two or more classes, each with images.
 */
export class ImageFolder implements Dataset {
  readonly classes: readonly string[]
  readonly classToIdx: Readonly<Record<string, number>>
  readonly samples: readonly Sample[]
  readonly transform: Pipeline
  /** What is in the folder but not in the data set and may be missed, a line each. */
  readonly notes: readonly string[]

  /**
   * @param source a path (Node), or the files picked in a page or given as `{ path, blob }`.
   * @param options.transform the pipeline a DataLoader applies.
   * @param options.root a folder inside `source` to take instead, such as 'train'.
   */
  constructor(source: DataSource, options: { transform: Pipeline; root?: string }) {
    checkOptions('ImageFolder', options, ['transform', 'root'])
    const { transform, root } = options
    const whole = listSource(source)
    const listing = root ? below(whole, root) : whole
    const { folders } = listing
    const name = [typeof source === 'string' ? source : '', root ?? ''].filter(Boolean).join('/') || 'picked files'
    const images = imagesOf(listing).filter(({ path }) => path.includes('/'))
    const classOf = (path: string): string => path.split('/', 1)[0]
    this.classes = [...new Set([...folders, ...images.map((f) => f.path)].map(classOf))].sort(byCodeUnit)
    check(
      this.classes.length > 1,
      `${name}: must hold one folder of images for each of two or more classes, got [${this.classes.join(', ')}]`,
    )
    this.classToIdx = Object.fromEntries(this.classes.map((c, i) => [c, i]))
    this.samples = images
      .sort((a, b) => byCodeUnit(folderOf(a.path), folderOf(b.path)) || byCodeUnit(a.path, b.path))
      .map(({ path, file }) => ({
        path: typeof file === 'string' ? file : path,
        file,
        label: this.classToIdx[classOf(path)],
      }))
    const found = new Set(this.samples.map((s) => s.label))
    const empty = this.classes.find((_, i) => !found.has(i))
    check(empty === undefined, () => {
      const others = otherImages(below(listing, empty!))
      return `${name}/${empty}: must hold .jpeg, .jpg or .png images, got ${others ? `${others} files` : 'none'}`
    })
    this.transform = transform
    this.notes = describeLeftOut(listing, name)
  }
}

/**
 * The samples at `indices`, with another transform where one is given.
 * @throws for an index that is no sample.
 */
export function subset(dataset: Dataset, indices: ArrayLike<number>, transform: Pipeline = dataset.transform): Dataset {
  const samples = Array.from(indices, (i) => {
    check(i in dataset.samples, `subset: indices must be below ${dataset.samples.length}, got ${i}`)
    return dataset.samples[i]
  })
  return { samples, classes: dataset.classes, transform }
}
