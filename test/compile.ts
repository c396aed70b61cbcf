// Compiles kernels, for what is asked of every implementation of WebGPU. Not a test.
import { gpu } from '../src/gpu/gpu.js'
import type { Kernel } from '../src/gpu/kernel.js'
import type { Engine } from '../src/index.js'
import * as shaders from '../src/shaders.gen.js'
import * as late from '../src/shaders.late.js'

/** The kernels of all shaders/*.wgsl. */
export async function everyKernel(): Promise<Kernel[]> {
  await Promise.all([
    late.loadCpuShaders(),
    late.loadMatrixShaders(),
    late.loadConvShaders(),
    late.loadAugmentShaders(),
  ])
  return [shaders, late.cpu, late.matrix, late.conv, late.augment].flatMap((all) => Object.values<Kernel>({ ...all }))
}

export interface Compiled {
  /** Pipelines made, and variants that need a feature that is not there. */
  pipelines: number
  skipped: number
  errors: string[]
}

/** Compiles every variant of these kernels, as it is and with all bindings `read_write`. */
export async function compile(kernels: readonly Kernel[], engine: Engine): Promise<Compiled> {
  const compiled: Compiled = { pipelines: 0, skipped: 0, errors: [] }
  for (const kernel of kernels) {
    const overrides = Object.fromEntries(kernel.template.overrides.map(({ name }) => [name, 0]))
    for (const variant of kernel.variants.values()) {
      if (!variant.features.every((feature) => engine.features.has(feature))) compiled.skipped++
      else
        for (const mixed of [false, true])
          await gpu.pipelines.soon(variant, overrides, mixed).then(
            () => compiled.pipelines++,
            (error: Error) => compiled.errors.push(error.message),
          )
    }
  }
  return compiled
}
