// The unit of work of the decoding pool: read one file, decode it, run the host transforms. The messages between the
// pool and its workers, and what a worker does with one; how messages travel is in pool.node.ts and pool.browser.ts.
import { readBytes } from '#platform/files'
import { RadiogradError } from '../util/check.js'
import { decodeImage } from './decode.js'
import type { Image } from './image.js'
import { applyHost, type HostStep } from './transforms.js'

export interface DecodeTask {
  id: number
  /** The name errors show. */
  path: string
  file: string | Blob
  steps: readonly HostStep[]
}

export type DecodeReply = { id: number; image: Image } | { id: number; error: string }

/** A worker as the pool sees it. Replies and crashes arrive through the callbacks given when it was started. */
export interface DecodeWorker {
  post(task: DecodeTask): void
  /** Whether the process should stay alive for this worker's sake. */
  keepAlive(busy: boolean): void
  stop(): Promise<void>
}

/** Starts a worker; `onCrash` reports that it died, after which it is not used again. */
export type StartWorker = (onReply: (reply: DecodeReply) => void, onCrash: (reason: string) => void) => DecodeWorker

/** Reads, decodes and transforms one file. Every failure is a RadiogradError that begins with the file's name. */
export async function loadImage(task: Omit<DecodeTask, 'id'>): Promise<Image> {
  try {
    return applyHost(await decodeImage(await readBytes(task.file), task.path), task.steps)
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
    return { id: task.id, image: await loadImage(task) }
  } catch (error) {
    return { id: task.id, error: (error as Error).message }
  }
}
