// Pretrained weights with a name: where they come from, and where they lie once fetched.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../util/cache.node.js'
import { SettingError } from '../util/check.js'
import { fileNameOf } from '../weights/download.node.js'

const torchvision = (file: string) => [`https://download.pytorch.org/models/${file}.pth`]

/** Official files; the first is the checkpoint. */
export const PRETRAINED: Readonly<Record<string, readonly string[]>> = {
  resnet18: torchvision('resnet18-f37072fd'),
  resnet34: torchvision('resnet34-b627a593'),
  resnet50: torchvision('resnet50-11ad3fa6'),
  resnet101: torchvision('resnet101-cd907fc2'),
  densenet121: torchvision('densenet121-a639ec97'),
  'efficientnet-b0': torchvision('efficientnet_b0_rwightman-3dd342df'),
  'efficientnet-b1': torchvision('efficientnet_b1-c27df63c'),
  'efficientnet-b2': torchvision('efficientnet_b2_rwightman-bcdf34b7'),
  'efficientnet-b3': torchvision('efficientnet_b3_rwightman-cf984f9c'),
  'efficientnet-b4': torchvision('efficientnet_b4_rwightman-7eb33cd5'),
  'efficientnet-v2-s': torchvision('efficientnet_v2_s-dd5fe13b'),
  'mobilenet-v3-small': torchvision('mobilenet_v3_small-047dcff4'),
  'mobilenet-v3-large': torchvision('mobilenet_v3_large-5c1a4163'),
  'convnext-tiny': torchvision('convnext_tiny-983f1562'),
  'convnext-small': torchvision('convnext_small-0c510722'),
  'convnext-base': torchvision('convnext_base-6075fbad'),
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
