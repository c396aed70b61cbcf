// Hugging Face's sharded checkpoints: an index that names the file of every tensor. A pure function; reading is its
// caller's.
import { fileError, printable } from '../util/check.js'

/**
 * Tensor names by the file that holds them, from `model.safetensors.index.json` or `pytorch_model.bin.index.json`.
 * @throws RadiogradError that names the index, where it has no such map or names a file that is not beside it
 */
export function parseIndex(text: string, file: string): Map<string, string[]> {
  const fail = (rule: string, got: unknown): never => {
    throw fileError(file, `${rule}, got ${printable(JSON.stringify(got) ?? 'undefined', 60)}`)
  }
  let index: unknown
  try {
    index = JSON.parse(text)
  } catch {
    fail('must be JSON', text.slice(0, 40))
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map
  if (!map || typeof map !== 'object' || Array.isArray(map) || !Object.keys(map).length)
    fail('must have a weight_map of tensor names to files', map)
  const shards = new Map<string, string[]>()
  for (const [name, shard] of Object.entries(map as Record<string, unknown>)) {
    // A name with a folder in it, a drive or a percent sign could lead out of the checkpoint's own folder.
    if (typeof shard !== 'string' || !/^[^/\\:%?#\p{Cc}]{1,255}$/u.test(shard) || shard.startsWith('.'))
      return fail('a shard must be the name of a file beside it', shard)
    const names = shards.get(shard)
    if (names) names.push(name)
    else shards.set(shard, [name])
  }
  return shards
}
