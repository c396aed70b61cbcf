// The audit of a data set before training: what is in it, what is in it twice, who is on both sides of a split, and
// what tells the classes apart without a look at the lung. Reads every file once; runs in Node and in a page alike.
import { readBytes } from '#platform/files'
import { DecodePool } from '../data/decodePool.js'
import type { DataSource } from '../data/imageFolder.js'
import { patientKeys } from '../data/patients.js'
import { RadiogradError, check } from '../util/check.js'
import { isDicom, readImageHeader } from './header.js'
import { type PatientKey, overlapsOf } from './patients.js'
import { THUMB, nearGroups, perceptualHash } from './perceptual.js'
import { type Shortcut, type Traits, findShortcuts } from './shortcuts.js'
import { type Entry, type LeftOut, readTree } from './tree.js'
import { checkOptions } from '../util/options.js'
import { sha256 } from '../util/sha256.js'

/** Images of a class. */
export interface ClassCount {
  name: string
  images: number
  bytes: number
}

/** Images of a split. */
export interface SplitCount {
  /** '' where the folder has no splits. */
  name: string
  images: number
  bytes: number
  /** Of all classes, in order, those without images here too. */
  classes: ClassCount[]
}

/** Least, median and greatest. */
export interface Range {
  min: number
  median: number
  max: number
}

/** Pictures that are the same, or nearly. */
export interface Duplicates {
  paths: string[]
  splits: string[]
  classes: string[]
}

/** Everything the audit found: plain data, ready for JSON. Paths are relative to the audited folder. */
export interface Audit {
  classes: string[]
  splits: SplitCount[]
  images: number
  bytes: number
  /** Of the pictures that can be read. `formats` counts, for example, 'jpeg, 1 channel'. */
  pictures: { formats: Record<string, number>; width: Range; height: Range; aspectRatio: Range; sizes: number } | null
  /** The same bytes under several names. */
  identical: Duplicates[]
  /** Different bytes, the same picture to the eye; of identical files only the first is compared. */
  nearIdentical: Duplicates[]
  patients: PatientKey[]
  shortcuts: Shortcut[]
  /** Images that cannot be decoded, with the decoder's words. */
  unreadable: LeftOut[]
  leftOut: LeftOut[]
}

/** Options of {@link auditDataset}. */
export interface AuditOptions {
  /** Decoding workers. Default one a core. 0 decodes in this thread. */
  workers?: number
  /** The most pixels a picture may have. Default 25 million. */
  maxPixels?: number
  /** Of the border model's folds. Default 0. */
  seed?: number
  /** Ends the work early. */
  signal?: AbortSignal
  /** Called with the number of files looked at so far. */
  onProgress?: (done: number, total: number) => void
}

/** Files whose bytes are in memory at once. */
const LANES = 8

const SPLIT_ORDER = ['train', 'val', 'dev', 'test']
const placeOf = (split: string): number => SPLIT_ORDER.findIndex((name) => split.toLowerCase().startsWith(name))

/**
 * Looks through a folder of class folders, or of splits (train, val, test) of class folders.
 * @param source a path (Node), or the files picked in a page or given as `{ path, blob }`.
 * @throws RadiogradError where the folder cannot be listed, and the signal's reason once it aborts. A file that cannot
 * be read is part of the result.
 */
export async function auditDataset(source: DataSource, options: AuditOptions = {}): Promise<Audit> {
  checkOptions('auditDataset', options, ['workers', 'maxPixels', 'seed', 'signal', 'onProgress'])
  const { workers, maxPixels, seed = 0, signal, onProgress } = options
  const tree = readTree(source)
  const classes = [...new Set([...tree.folders.values()].flatMap((names) => [...names]))].sort()
  const keys = patientKeys(tree.entries.map((entry) => ({ path: entry.path, label: classes.indexOf(entry.class) })))
  const patients = new Map(tree.entries.map((entry, i) => [entry, keys[0].of[i]]))
  const found: ({ entry: Entry; digest: string; traits: Traits | null; bytes: number } | undefined)[] = []
  const unreadable: LeftOut[] = []
  const pool = new DecodePool(workers, { maxPixels })
  let [next, done] = [0, 0]
  const look = async (entry: Entry) => {
    try {
      const bytes = await readBytes(entry.file)
      const digest = await sha256(bytes)
      const traits = await traitsOf(entry, patients.get(entry)!, bytes, pool, signal).catch((error: Error) => {
        if (!(error instanceof RadiogradError)) throw error
        unreadable.push({ path: entry.path, reason: error.message.replace(`${entry.path}: `, '') })
        return null
      })
      return { entry, digest, traits, bytes: bytes.length }
    } catch (error) {
      if (!(error instanceof RadiogradError)) throw error
      unreadable.push({ path: entry.path, reason: error.message.replace(/^.*?: /, '') })
      return undefined
    }
  }
  const lane = async () => {
    while (next < tree.entries.length) {
      signal?.throwIfAborted()
      const at = next++
      found[at] = await look(tree.entries[at])
      onProgress?.(++done, tree.entries.length)
    }
  }
  try {
    await Promise.all(Array.from({ length: LANES }, lane))
  } finally {
    await pool.close()
  }
  signal?.throwIfAborted()
  for (const { path, file } of tree.nameless) {
    const dicom = isDicom(await readBytes(file))
    tree.leftOut.push({ path, reason: dicom ? 'DICOM is not read: convert it to PNG or JPEG' : 'not an image' })
  }

  const files = found.filter((file) => file !== undefined)
  const order = [...tree.folders.keys()].sort((a, b) => placeOf(a) - placeOf(b))
  const splits = order.map((name): SplitCount => {
    const here = files.filter(({ entry }) => entry.split === name)
    return {
      name,
      ...totals(here),
      classes: classes.map((c) => ({ name: c, ...totals(here.filter(({ entry }) => entry.class === c)) })),
    }
  })
  const same = groupsBy(files, (file) => file.digest)
  const firsts = same.map(([first]) => first).flatMap(({ entry, traits }) => (traits ? { entry, traits } : []))
  const near = nearGroups(firsts.map(({ traits }) => perceptualHash(traits.thumb)))
  const traits = order.flatMap((split) =>
    files.flatMap((file) => (file.traits && file.entry.split === split ? file.traits : [])),
  )
  const inOrder = order.flatMap((split) => [...tree.entries.keys()].filter((i) => tree.entries[i].split === split))
  return {
    classes,
    splits,
    ...totals(files),
    pictures: traits.length ? picturesOf(traits) : null,
    identical: same.filter((group) => group.length > 1).map((group) => duplicates(group.map(({ entry }) => entry))),
    nearIdentical: near.map((group) => duplicates(group.map((i) => firsts[i].entry))),
    patients: overlapsOf(
      inOrder.map((i) => tree.entries[i].split),
      keys.map((key) => ({ ...key, of: inOrder.map((i) => key.of[i]) })),
    ),
    shortcuts: classes.length > 1 && traits.length ? findShortcuts(traits, classes, seed) : [],
    unreadable: unreadable.sort((a, b) => (a.path < b.path ? -1 : 1)),
    leftOut: tree.leftOut.sort((a, b) => (a.path < b.path ? -1 : 1)),
  }
}

/** What header and picture say. The picture is decoded whole, and shrunk where it is decoded. */
async function traitsOf(
  entry: Entry,
  patient: string,
  bytes: Uint8Array,
  pool: DecodePool,
  signal?: AbortSignal,
): Promise<Traits> {
  const { path, file } = entry
  const { data } = await pool.decode(
    { path, file, steps: [{ kind: 'Resize', size: [THUMB, THUMB] }], leastSide: THUMB },
    signal,
  )
  const header = readImageHeader(bytes)
  check(header, `${path}: must have a JPEG or PNG header, got none that can be read`)
  const { format, channels, width, height } = header
  // ITU-R 601 luma, as Pillow's convert('L')
  const thumb = Uint8Array.from(
    { length: THUMB * THUMB },
    (_, i) => (data[3 * i] * 19595 + data[3 * i + 1] * 38470 + data[3 * i + 2] * 7471 + 0x8000) >> 16,
  )
  return {
    split: entry.split,
    class: entry.class,
    patient,
    bytes: bytes.length,
    width,
    height,
    format: `${format}, ${channels} channel${channels === 1 ? '' : 's'}`,
    brightness: thumb.reduce((sum, value) => sum + value, 0) / thumb.length,
    thumb,
  }
}

const totals = (files: readonly { bytes: number }[]) => ({
  images: files.length,
  bytes: files.reduce((sum, file) => sum + file.bytes, 0),
})

function groupsBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return [...groups.values()]
}

const duplicates = (entries: readonly Entry[]): Duplicates => ({
  paths: entries.map((entry) => entry.path),
  splits: [...new Set(entries.map((entry) => entry.split))],
  classes: [...new Set(entries.map((entry) => entry.class))],
})

function picturesOf(traits: readonly Traits[]): Audit['pictures'] {
  const range = (values: number[]): Range => {
    const sorted = values.sort((a, b) => a - b)
    return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted[sorted.length - 1] }
  }
  return {
    formats: Object.fromEntries(groupsBy(traits, (t) => t.format).map((group) => [group[0].format, group.length])),
    width: range(traits.map((t) => t.width)),
    height: range(traits.map((t) => t.height)),
    aspectRatio: range(traits.map((t) => t.width / t.height)),
    sizes: new Set(traits.map((t) => `${t.width} ${t.height}`)).size,
  }
}
