// Checkpoints: told apart by their content, read whole or shard by shard; and the one format written.
import { readBytes, readIfThere, writeBytes } from '#platform/read'
import { RadiogradError, check } from '../util/check.js'
import { type Preprocessing, parsePreprocessing } from './preprocessing.js'
import { parsePytorch } from './pytorch.js'
import { type TensorData, parseSafetensors, serializeSafetensors } from './safetensors.js'
import { parseIndex } from './sharded.js'

/** Tensors by name, in PyTorch's shapes. */
export interface Checkpoint {
  tensors: Map<string, TensorData>
  metadata: Record<string, string>
  /** The file, for messages. */
  source: string
  /** How images were prepared for these weights, where a preprocessor_config.json beside them says so. */
  preprocessing?: Preprocessing
}

/**
 * Reads the bytes of a `.safetensors` file or of a PyTorch zip checkpoint (`.pth`, `.pt`, `.bin`). Nothing in them is
 * ever executed.
 */
export function parseCheckpoint(bytes: Uint8Array, source: string): Checkpoint {
  if (bytes.length === 0) throw new RadiogradError(`${source}: not a checkpoint, it is empty`)
  const magic = String.fromCharCode(...bytes.subarray(0, 2))
  if (magic === 'PK') return { tensors: parsePytorch(bytes, source), metadata: {}, source }
  if (bytes[0] === 0x80) {
    throw new RadiogradError(
      `${source}: a PyTorch file from before 1.6; save it again with torch.save(torch.load(file), file)`,
    )
  }
  return { ...parseSafetensors(bytes, source), source }
}

/** What a folder from Hugging Face's hub may hold, in the order of preference. */
const IN_FOLDERS = [
  'model.safetensors.index.json',
  'model.safetensors',
  'pytorch_model.bin.index.json',
  'pytorch_model.bin',
]

/**
 * Reads a checkpoint from a path, a URL or a Blob: a file, the index of a sharded one, or (in Node) a folder that holds
 * either. A `preprocessor_config.json` beside a path or an index is read too.
 */
export async function loadCheckpoint(source: string | URL | Blob): Promise<Checkpoint> {
  if (source instanceof Blob) return parseCheckpoint(await readBytes(source), (source as File).name ?? 'checkpoint')
  const path =
    source instanceof URL && source.protocol === 'file:' ? decodeURIComponent(source.pathname) : String(source)
  const { name, bytes } = await found(path)
  const checkpoint = name.endsWith('.index.json') ? await loadShards(name, bytes) : parseCheckpoint(bytes, name)
  const beside = neighbour(name, 'preprocessor_config.json')
  const config = /^https?:/.test(name) ? null : await readIfThere(beside)
  return config
    ? { ...checkpoint, preprocessing: parsePreprocessing(new TextDecoder().decode(config), beside) }
    : checkpoint
}

/** The file itself, or the one to read in a folder. */
async function found(path: string): Promise<{ name: string; bytes: Uint8Array }> {
  if (!/^https?:/.test(path)) {
    for (const file of IN_FOLDERS) {
      const name = `${path.replace(/\/$/, '')}/${file}`
      const bytes = await readIfThere(name)
      if (bytes) return { name, bytes }
    }
  }
  return { name: path, bytes: await readBytes(path) }
}

const neighbour = (path: string, name: string) => path.replace(/[^/\\]*$/, name)

/** Reads the shards one after another and keeps what the index names. */
async function loadShards(index: string, bytes: Uint8Array): Promise<Checkpoint> {
  const tensors = new Map<string, TensorData>()
  for (const [shard, names] of parseIndex(new TextDecoder().decode(bytes), index)) {
    const path = neighbour(index, shard)
    const content = /^https?:/.test(path) ? await readBytes(path) : await readIfThere(path)
    if (!content)
      throw new RadiogradError(
        `${index}: its shard ${shard} must be beside it for ${names[0]} and ${names.length - 1} more, got no such file`,
      )
    const { tensors: inside } = parseCheckpoint(content, path)
    for (const name of names) {
      const data = inside.get(name)
      check(data, `${path}: must hold ${name}, as ${index} says, got a shard without it`)
      tensors.set(name, data)
    }
  }
  return { tensors, metadata: {}, source: index }
}

/** Writes tensors as a safetensors file: a whole file, or none. In a page it becomes a download. */
export async function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  { metadata = {} }: { metadata?: Record<string, string> } = {},
): Promise<void> {
  await writeBytes(path, serializeSafetensors(tensors, metadata))
}
