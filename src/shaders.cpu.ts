// The kernels that only software adapters run: half of all WGSL, fetched when there is such an adapter. A page on a GPU
// never loads them.
import { kernel } from './gpu/kernel.js'
import type { CpuShaders } from './shaders.cpu.gen.js'

/** Set once {@link loadCpuShaders} has ended. */
export let cpu: CpuShaders

/** For `init()`, on a software adapter. */
export async function loadCpuShaders(): Promise<void> {
  if (cpu) return
  const { sources } = await import('./shaders.cpu.gen.js')
  const kernels = Object.entries(sources).map(([file, [text, snippets]]) => kernel(file, text, snippets))
  cpu = Object.fromEntries(kernels.map((k) => [k.name, k])) as unknown as CpuShaders
}
