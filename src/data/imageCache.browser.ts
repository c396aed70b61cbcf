// A page keeps no decoded pictures from one run to the next. Its twin is imageCache.node.ts.
import { check } from '../util/check.js'
import type { ImageCache } from './decodeTask.js'

export function openImageCache({ dir }: ImageCache): void {
  check(false, `imageCache: must be left out in a page, got ${dir}`)
}

export const remembered = <T>(_cache: ImageCache, _bytes: Uint8Array, _how: string, make: () => Promise<T>) => make()
