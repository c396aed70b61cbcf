// Finding the broken pictures of a data set before they are needed: the header and the end of every file are looked at,
// which takes seconds for thousands, and what is not plainly whole is decoded to know. Damage in the middle of a file
// that has both is found when it is decoded.
import { readEnds } from '#platform/files'
import { check, RadiogradError } from '../util/check.js'
import { sha256 } from '../util/sha256.js'
import { DecodePool, type DecodePoolOptions } from './decodePool.js'
import { MAX_PIXELS } from './image.js'
import { type Dataset, type Sample, subset } from './imageFolder.js'
import type { FileEnds } from './listing.js'
import { isJpeg, isPng } from './signatures.js'
import { checkOptions } from '../util/options.js'

/** Bytes of a file that are looked at, at each end: enough for a header with a colour profile. */
const ENDS = 65536
/** Files open at a time. */
const AT_ONCE = 32

/** A picture that cannot be decoded. */
export interface BadFile {
  /** Its place in the samples. */
  readonly index: number
  /** Its path and what is wrong with it. */
  readonly reason: string
}

/** Options of {@link checkFiles}. */
export interface CheckOptions extends DecodePoolOptions {
  /** What decodes the doubtful ones: a pool, or so many workers; default one a core. */
  workers?: number | DecodePool
  /** Called with how many files have been looked at. */
  onProgress?: (done: number) => void
  /** Called for each picture with its place in the samples and a text that is another where its file is another. */
  onMark?: (index: number, mark: string) => void
}

/** The pictures that cannot be decoded, in the order of the samples. */
export async function checkFiles(
  samples: readonly Pick<Sample, 'path' | 'file'>[],
  options: CheckOptions = {},
): Promise<BadFile[]> {
  checkOptions('checkFiles', options, ['workers', 'onProgress', 'onMark', 'maxPixels', 'timeLimit', 'onWarning'])
  const { workers, onProgress, onMark, maxPixels, timeLimit, onWarning } = options
  const given = workers instanceof DecodePool ? workers : undefined
  const pool = given ?? new DecodePool(workers as number | undefined, { maxPixels, timeLimit, onWarning })
  const bad: BadFile[] = []
  let next = 0
  let done = 0
  const lane = async (): Promise<void> => {
    while (next < samples.length) {
      const index = next++
      const { path, file } = samples[index]
      try {
        const ends = await readEnds(file, ENDS)
        if (!isPlainlyWhole(ends, pool.maxPixels ?? MAX_PIXELS)) await pool.decode({ path, file, steps: [] })
        if (onMark) onMark(index, await markOf(ends))
      } catch (error) {
        bad.push({ index, reason: (error as Error).message })
      }
      onProgress?.(++done)
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
  } finally {
    if (!given) await pool.close()
  }
  return bad.sort((a, b) => a.index - b.index)
}

/**
 * A data set of which every picture can be read, as far as {@link checkFiles} sees: the same one, or with
 * `skipUnreadable` what is left of it, each picture left out told to `onWarning`.
 * @throws {RadiogradError} naming every bad picture, or a class of which none is left.
 */
export async function checkDataset(
  dataset: Dataset,
  options: CheckOptions & { skipUnreadable?: boolean } = {},
): Promise<Dataset> {
  const { samples, classes } = dataset
  const { skipUnreadable = false, ...rest } = options
  const bad = await checkFiles(samples, rest)
  if (bad.length === 0) return dataset
  const count = `${bad.length} of ${samples.length} images`
  if (!skipUnreadable) {
    const reasons = bad.map(({ reason }) => reason).join('; ')
    throw new RadiogradError(`${count} cannot be read (skipUnreadable leaves them out): ${reasons}`)
  }
  const { onWarning = (message) => console.warn(message) } = options
  for (const { reason } of bad) onWarning(`left out: ${reason}`)
  const without = new Set(bad.map(({ index }) => index))
  const left = samples.flatMap((_, i) => (without.has(i) ? [] : [i]))
  for (const [label, name] of classes.entries()) {
    const had = samples.some((s) => s.label === label)
    check(!had || left.some((i) => samples[i].label === label), `${name}: must have images that can be read, got none`)
  }
  return subset(dataset, left)
}

/** Size and a checksum of both ends: without what lies between, as nothing is read twice. */
async function markOf({ size, head, tail }: FileEnds): Promise<string> {
  const digests = [await sha256(head), ...(tail === head ? [] : [await sha256(tail)])]
  return `${size}-${digests.map((digest) => digest.slice(0, 16)).join('-')}`
}

/** Whether a file begins and ends like a picture that will be decoded; false where that takes more than a look. */
function isPlainlyWhole({ head, tail, size }: FileEnds, maxPixels: number): boolean {
  if (isPng(head)) return size > 45 && pixelsOfPng(head) <= maxPixels && endsLikePng(tail)
  if (!isJpeg(head)) return false
  const scan = scanOfJpeg(head, maxPixels)
  if (scan === undefined) return false
  // Of a file that was read whole the end must come after its scan began.
  const last = lastMarker(tail, 0xd9)
  return last >= 0 && (tail !== head || last > scan)
}

const word = (bytes: Uint8Array, at: number): number => bytes[at] * 256 + bytes[at + 1]

/** Of a PNG that begins with its header and comes to its pixels at once or after other chunks; infinite for others. */
function pixelsOfPng(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  if (view.getUint32(12) !== 0x49484452 || view.getUint32(16) === 0 || view.getUint32(20) === 0) return Infinity
  for (let at = 8; at + 8 <= head.length; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x49444154) return view.getUint32(16) * view.getUint32(20)
  }
  return Infinity
}

/** Whether the last chunk is IEND. */
function endsLikePng(tail: Uint8Array): boolean {
  const end = [0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82]
  return end.every((byte, i) => tail[tail.length - end.length + i] === byte)
}

/** Where the first scan of a JPEG begins, after a frame header of a kind and size that is read. */
function scanOfJpeg(head: Uint8Array, maxPixels: number): number | undefined {
  let framed = false
  for (let at = 2; at + 9 < head.length && head[at] === 0xff; at += 2 + word(head, at + 2)) {
    const marker = head[at + 1]
    if (marker === 0xda) return framed ? at : undefined
    if (marker < 0xc0 || marker > 0xcf || marker === 0xc4) continue
    const pixels = word(head, at + 5) * word(head, at + 7)
    const components = head[at + 9]
    if (framed || marker > 0xc2 || head[at + 4] !== 8 || pixels === 0 || pixels > maxPixels) return undefined
    if (components !== 1 && components !== 3) return undefined
    framed = true
  }
  return undefined
}

function lastMarker(bytes: Uint8Array, marker: number): number {
  for (let at = bytes.length - 2; at >= 0; at--) if (bytes[at] === 0xff && bytes[at + 1] === marker) return at
  return -1
}
