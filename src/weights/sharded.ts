// Hugging Face's sharded checkpoints: an index that names the file of every tensor. A pure function; reading is its
// caller's.
import { RadiogradError, check } from '../util/check.js'

/** Tensor names by the file that holds them, from `model.safetensors.index.json` or `pytorch_model.bin.index.json`. */
export function parseIndex(text: string, file: string): Map<string, string[]> {
  let map: unknown
  try {
    map = JSON.parse(text).weight_map
  } catch {
    throw new RadiogradError(`${file}: must be JSON, got ${JSON.stringify(text.slice(0, 40))}`)
  }
  check(
    map && typeof map === 'object' && Object.keys(map).length > 0,
    `${file}: must have a weight_map of tensor names to files, got ${JSON.stringify(map)}`,
  )
  const shards = new Map<string, string[]>()
  for (const [name, shard] of Object.entries(map as Record<string, unknown>)) {
    // A name with a folder in it could lead out of the checkpoint's own.
    check(
      typeof shard === 'string' && /^[^/\\]+$/.test(shard) && !shard.startsWith('.'),
      () => `${file}: a shard must be the name of a file beside it, got ${JSON.stringify(shard)}`,
    )
    const names = shards.get(shard as string)
    if (names) names.push(name)
    else shards.set(shard as string, [name])
  }
  return shards
}
