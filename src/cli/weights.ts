// Pretrained weights with a name: where they come from, and where they lie once fetched.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../util/cache.node.js'
import { SettingError } from '../util/check.js'
import { fileNameOf } from '../weights/download.node.js'

/** Official files; the first is the checkpoint. */
export const PRETRAINED: Readonly<Record<string, readonly string[]>> = {
  resnet18: ['https://download.pytorch.org/models/resnet18-f37072fd.pth'],
  resnet34: ['https://download.pytorch.org/models/resnet34-b627a593.pth'],
  'vit-b16': ['model.safetensors', 'preprocessor_config.json'].map(
    (file) => `https://huggingface.co/google/vit-base-patch16-224/resolve/main/${file}`,
  ),
}

/**
 * The address with the host of `RADIOGRAD_WEIGHTS_URL` where that is set: a mirror, for places without the internet.
 */
export function mirrored(url: string): string {
  const mirror = process.env.RADIOGRAD_WEIGHTS_URL
  return mirror ? mirror.replace(/\/$/, '') + new URL(url).pathname : url
}

/** Where a download belongs; named ones have a folder of their own. */
export function cachedFile(url: string, name?: string): string {
  return join(cacheFolder(), 'weights', ...(name ? [name] : []), fileNameOf(url))
}

/** What `--weights` means: a file or folder or address, or a name whose file has been fetched. */
export function resolveWeights(given: string): string {
  if (existsSync(given) || /^https?:/i.test(given) || !Object.hasOwn(PRETRAINED, given)) return given
  const file = cachedFile(PRETRAINED[given][0], given)
  if (existsSync(file)) return file
  throw new SettingError(
    'weights',
    `must be a file, or a name fetched before with 'radiograd download ${given}', got ${given}`,
  )
}
