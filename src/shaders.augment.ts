// The kernels of rarer augmentations, fetched when a pipeline has one.
import type { AugmentShaders } from './shaders.augment.gen.js'
import { kernelsOf } from './shaders.cpu.js'

/** Set once {@link loadAugmentShaders} has ended. */
export let augment: AugmentShaders

/** Before `F.imageEffects`. */
export async function loadAugmentShaders(): Promise<void> {
  augment ??= kernelsOf<AugmentShaders>((await import('./shaders.augment.gen.js')).sources)
}
