// Checkpoints: told apart by their content, read piece by piece and shard by shard; and the one format written.
import { isThere, openBytes, readIfThere, writeBytes } from '#platform/read'
import { fileError, printable } from '../util/check.js'
import { withBareNames } from './names.js'
import type { Preprocessing } from './preprocessing.js'
import { type TensorData, type Tensors, safetensorsBytes } from './safetensors.js'
import { type ByteSource, blobSource, memorySource } from './source.js'

/** Tensors by name, in PyTorch's shapes. */
export interface Checkpoint {
  /**
   * Names lose `module.`, `_orig_mod.`, `model.` and `backbone.` before them; timm's of EfficientNet, MobileNetV3 and
   * ConvNeXt become torchvision's, which the models here have.
   */
  tensors: Map<string, TensorData>
  metadata: Record<string, string>
  /** The file, for messages. */
  source: string
  /** What reading chose and left out, a line each: `the weights are those under ['state_dict']`. */
  notes?: string[]
  /** How images were prepared for these weights, where a preprocessor_config.json beside them says so. */
  preprocessing?: Preprocessing
}

/**
 * Reads a `.safetensors` file or a PyTorch checkpoint (`.pth`, `.pt`, `.bin`, `.ckpt`). Nothing in it is ever executed.
 * Names are as in the file.
 */
export async function readTensors(source: ByteSource, file: string): Promise<Tensors> {
  if (source.size === 0) throw fileError(file, 'not a checkpoint, it is empty')
  const start = String.fromCharCode(...(await source.read(0, Math.min(source.size, 512))))
  const safetensors = async () => (await import('./readSafetensors.js')).readSafetensors(source, file)
  if (start[8] === '{') return safetensors()
  if (start.startsWith('PK\x03\x04')) return (await import('./pytorch.js')).readPytorch(source, file)
  if (/^\x80[\x01-\x05]/.test(start)) return (await import('./pytorch.js')).readLegacyPytorch(source, file)
  const other = (await import('./others.js')).otherFormat(start)
  if (other) throw fileError(file, `not a checkpoint, it is ${other}`)
  return safetensors()
}

/** Bytes that a file of JSON beside a checkpoint may have. */
const MAX_JSON = 100_000_000

/** What a folder from Hugging Face's hub may hold, in the order of preference. */
const IN_FOLDERS = [
  'model.safetensors.index.json',
  'model.safetensors',
  'pytorch_model.bin.index.json',
  'pytorch_model.bin',
]

/**
 * Reads a checkpoint from a path, a URL, a Blob or its bytes: a file, the index of a sharded one, or (in Node) a folder
 * that holds either. A `preprocessor_config.json` beside a path or an index is read too.
 * @param bytesName what messages call bytes
 * @throws RadiogradError in one line that names the file, where it is damaged, hostile or no checkpoint
 */
export async function loadCheckpoint(
  source: string | URL | Blob | Uint8Array,
  bytesName = 'checkpoint',
): Promise<Checkpoint> {
  if (source instanceof Uint8Array) return finished(await readTensors(memorySource(source), bytesName), bytesName)
  if (source instanceof Blob) return finished(await readTensors(blobSource(source), nameOf(source)), nameOf(source))
  const path =
    source instanceof URL && source.protocol === 'file:' ? decodeURIComponent(source.pathname) : String(source)
  const name = await found(path)
  const content = name.endsWith('.index.json') ? loadShards(name) : withBytes(name, (bytes) => readTensors(bytes, name))
  const checkpoint = await finished(await content, name)
  const beside = neighbour(name, 'preprocessor_config.json')
  const config = /^https?:/i.test(name) ? null : await readIfThere(beside, MAX_JSON)
  if (!config) return checkpoint
  const { parsePreprocessing } = await import('./preprocessing.js')
  return { ...checkpoint, preprocessing: parsePreprocessing(new TextDecoder().decode(config), beside) }
}

const nameOf = (blob: Blob) => (blob as File).name || 'checkpoint'

async function finished({ tensors, metadata, notes }: Tensors, source: string): Promise<Checkpoint> {
  const checkpoint = { tensors: withBareNames(tensors), metadata, source, ...(notes.length && { notes }) }
  const timms = ['conv_stem.weight', 'stem.0.weight'].some((name) => checkpoint.tensors.has(name))
  return timms ? (await import('./foreign.js')).fromTimm(checkpoint) : checkpoint
}

/** Opens a file or an address for as long as `work` takes. */
async function withBytes<T>(name: string, work: (source: ByteSource) => Promise<T>): Promise<T> {
  const source = await openBytes(name)
  try {
    return await work(source)
  } finally {
    await source.close()
  }
}

/** The file itself, or the one to read in a folder. */
async function found(path: string): Promise<string> {
  if (/^https?:/i.test(path)) return path
  for (const file of IN_FOLDERS) {
    const name = `${path.replace(/\/$/, '')}/${file}`
    if (await isThere(name)) return name
  }
  return path
}

const neighbour = (path: string, name: string) => path.replace(/[^/\\]*$/, name)

/** Reads the shards one after another and keeps what the index names. */
async function loadShards(index: string): Promise<Tensors> {
  const text = await withBytes(index, async (source) => {
    if (source.size > MAX_JSON) throw fileError(index, `must have at most ${MAX_JSON} bytes, got ${source.size}`)
    return new TextDecoder().decode(await source.read(0, source.size))
  })
  const tensors = new Map<string, TensorData>()
  const notes: string[] = []
  const { parseIndex } = await import('./sharded.js')
  for (const [shard, names] of parseIndex(text, index)) {
    const path = neighbour(index, shard)
    if (!/^https?:/i.test(path) && !(await isThere(path)))
      throw fileError(
        index,
        `its shard ${shard} must be beside it for ${printable(names[0], 60)} and ${names.length - 1} more, ` +
          'got no such file',
      )
    const inside = await withBytes(path, (source) => readTensors(source, path))
    notes.push(...inside.notes)
    for (const name of names) {
      const data = inside.tensors.get(name)
      if (!data) throw fileError(path, `must hold ${printable(name, 60)}, as ${index} says, got a shard without it`)
      tensors.set(name, data)
    }
  }
  return { tensors, metadata: {}, notes }
}

/** Writes tensors as a safetensors file: a whole file, or none. In a page it becomes a download. */
export async function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  options: { metadata?: Record<string, string> } = {},
): Promise<void> {
  await writeBytes(path, safetensorsBytes(tensors, options))
}
