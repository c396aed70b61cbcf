// The kernels that only software adapters run: half of all WGSL, fetched when there is such an adapter. A page on a GPU
// never loads them.
import { kernel } from './gpu/kernel.js'
import type { CpuShaders } from './shaders.cpu.gen.js'

/** Set once {@link loadCpuShaders} has ended. */
export let cpu: CpuShaders

/** For `init()`, on a software adapter. */
export async function loadCpuShaders(): Promise<void> {
  cpu ??= kernelsOf<CpuShaders>((await import('./shaders.cpu.gen.js')).sources)
}

type Snippets = Parameters<typeof kernel>[2]

/** Kernels by their names, of texts and snippets by file. */
export function kernelsOf<Shaders>(sources: Readonly<Record<string, readonly [text: string, Snippets]>>): Shaders {
  const made = Object.entries(sources).map(([file, [text, snippets]]) => kernel(file, text, snippets))
  return Object.fromEntries(made.map((k) => [k.name, k])) as Shaders
}
