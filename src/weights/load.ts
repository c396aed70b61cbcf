// Checkpoints: told apart by their content, read whole; and the one format written.
import { readBytes, writeBytes } from '#platform/read'
import { RadiogradError } from '../util/check.js'
import { parsePytorch } from './pytorch.js'
import { type TensorData, parseSafetensors, serializeSafetensors } from './safetensors.js'

/** Tensors by name, in PyTorch's shapes. */
export interface Checkpoint {
  tensors: Map<string, TensorData>
  metadata: Record<string, string>
  /** The file, for messages. */
  source: string
  /** How images were prepared for these weights, where a file beside them says so. */
  preprocessing?: { mean: readonly [number, number, number]; std: readonly [number, number, number]; imageSize: number }
}

/** Reads the bytes of a `.safetensors` file or of a PyTorch zip checkpoint (`.pth`, `.pt`, `.bin`). Nothing in them is ever executed. */
export function parseCheckpoint(bytes: Uint8Array, source: string): Checkpoint {
  if (bytes.length === 0) throw new RadiogradError(`${source}: not a checkpoint, it is empty`)
  const magic = String.fromCharCode(...bytes.subarray(0, 2))
  if (magic === 'PK') return { tensors: parsePytorch(bytes, source), metadata: {}, source }
  if (bytes[0] === 0x80) {
    throw new RadiogradError(`${source}: a PyTorch file from before 1.6; save it again with torch.save(torch.load(file), file)`)
  }
  return { ...parseSafetensors(bytes, source), source }
}

/** Reads a checkpoint from a path, a URL or a Blob. */
export async function loadCheckpoint(source: string | URL | Blob): Promise<Checkpoint> {
  const name = source instanceof Blob ? ((source as File).name ?? 'checkpoint') : String(source)
  return parseCheckpoint(await readBytes(source), name)
}

/** Writes tensors as a safetensors file: a whole file, or none. In a page it becomes a download. */
export async function saveSafetensors(
  path: string, tensors: ReadonlyMap<string, TensorData>, { metadata = {} }: { metadata?: Record<string, string> } = {},
): Promise<void> {
  await writeBytes(path, serializeSafetensors(tensors, metadata))
}
