// The unit of work of the decoding pool: read one file, decode it, run the host transforms. The messages between the
// pool and its workers, and what a worker does with one; how messages travel is in pool.node.ts and pool.browser.ts.
import { readBytes } from '#platform/files'
import { remembered } from '#platform/imageCache'
import { decodeBySharp } from '#platform/sharp'
import { RadiogradError } from '../util/check.js'
import { decodeImage } from './decode.js'
import type { Image } from './image.js'
import { applyHost, type HostStep } from './transforms.js'

/** A folder that keeps decoded pictures from one run to the next. */
export interface ImageCache {
  dir: string
  /** The most that it may hold. */
  bytes: number
}

export interface DecodeTask {
  id: number
  /** The name errors show. */
  path: string
  file: string | Blob
  steps: readonly HostStep[]
  /** See {@link DecodeOptions}. */
  maxPixels?: number
  leastSide?: number
  /** What decodes JPEG; the own one. */
  decoder?: 'own' | 'sharp'
  /** Where the picture may lie already. */
  cache?: ImageCache
}

export type DecodeReply = { id: number; image: Image; warning?: string } | { id: number; error: string }

/** What a worker says first: from now on it decodes. */
export const READY = 'ready'

/** A worker as the pool sees it. Replies and crashes arrive through the callbacks given when it was started. */
export interface DecodeWorker {
  post(task: DecodeTask): void
  /** Whether the process should stay alive for this worker's sake. */
  keepAlive(busy: boolean): void
  stop(): Promise<void>
}

/**
 * Starts a worker. `onMessage` gets READY once it is loaded, then replies in the order of the tasks; `onCrash` reports
 * that it died, after which it is not used again.
 */
export type StartWorker = (
  onMessage: (message: DecodeReply | typeof READY) => void,
  onCrash: (reason: string) => void,
) => DecodeWorker

/**
 * Reads, decodes and transforms one file. Every failure is a RadiogradError that begins with the file's name.
 * @throws RadiogradError for what cannot be read, decoded or resized.
 */
export async function loadImage(task: Omit<DecodeTask, 'id'>): Promise<Image & { warning?: string }> {
  try {
    const { maxPixels, leastSide, steps, cache, decoder } = task
    const bytes = await readBytes(task.file)
    const make = async () => {
      const decode = decoder === 'sharp' ? decodeBySharp : decodeImage
      const { warning, ...image } = await decode(bytes, task.path, { maxPixels, leastSide })
      return { ...applyHost(image, steps), ...(warning === undefined ? {} : { warning }) }
    }
    return await (cache
      ? remembered(cache, bytes, JSON.stringify([steps, maxPixels, leastSide, decoder]), make)
      : make())
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new RadiogradError(
      message.startsWith(task.path) ? message : `${task.path}: must be decodable, got '${message}'`,
    )
  }
}

/** {@link loadImage} as a message; never rejects. */
export async function runTask(task: DecodeTask): Promise<DecodeReply> {
  try {
    const { warning, ...image } = await loadImage(task)
    return { id: task.id, image, warning }
  } catch (error) {
    return { id: task.id, error: (error as Error).message }
  }
}
