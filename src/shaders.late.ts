// The kernels that are loaded only where they are wanted. A page on a GPU without matrix units never loads most of
// them.
import { kernel } from './gpu/kernel.js'
import type { AugmentShaders } from './shaders.augment.gen.js'
import type { ConvShaders } from './shaders.conv.gen.js'
import type { CpuShaders } from './shaders.cpu.gen.js'
import type { MatrixShaders } from './shaders.matrix.gen.js'

/** What only software adapters run, half of all WGSL. Set once {@link loadCpuShaders} has ended. */
export let cpu: CpuShaders

/** What needs matrix units. Set once {@link loadMatrixShaders} has ended. */
export let matrix: MatrixShaders

/** Winograd, depthwise convolutions, squeeze-excite, a norm folded. Set once {@link loadConvShaders} has ended. */
export let conv: ConvShaders

/** Rarer augmentations. Set once {@link loadAugmentShaders} has ended. */
export let augment: AugmentShaders

/** For `init()`, on a software adapter. */
export async function loadCpuShaders(): Promise<void> {
  cpu ??= kernelsOf<CpuShaders>((await import('./shaders.cpu.gen.js')).sources)
}

/** For `init()`, on an adapter with matrix units. */
export async function loadMatrixShaders(): Promise<void> {
  matrix ??= kernelsOf<MatrixShaders>((await import('./shaders.matrix.gen.js')).sources)
}

/** For `init()`: Winograd is preferred for many channels. */
export async function loadConvShaders(): Promise<void> {
  conv ??= kernelsOf<ConvShaders>((await import('./shaders.conv.gen.js')).sources)
}

/** Before `F.imageEffects`. */
export async function loadAugmentShaders(): Promise<void> {
  augment ??= kernelsOf<AugmentShaders>((await import('./shaders.augment.gen.js')).sources)
}

type Snippets = Parameters<typeof kernel>[2]

/** Kernels by their names, of texts and snippets by file. */
function kernelsOf<Shaders>(sources: Readonly<Record<string, readonly [text: string, Snippets]>>): Shaders {
  const made = Object.entries(sources).map(([file, [text, snippets]]) => kernel(file, text, snippets))
  return Object.fromEntries(made.map((k) => [k.name, k])) as Shaders
}
