// radiograd/trunk: features of frozen layers, kept while the rest is trained. Apart from the main entry point, so that
// a page that trains whole networks loads nothing of it.
/// <reference types="@webgpu/types" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />
export { type CacheTrunkOptions, type CachedTrunk, cacheTrunk } from './train/cacheTrunk.js'
