// What every implementation of WebGPU is asked: to compile all kernels, and to run the README's program. Bundled for
// what is no Node, and run by engines.test.ts.
import { gpu } from '../../src/gpu/gpu.js'
import type { Kernel } from '../../src/gpu/kernel.js'
import { init } from '../../src/index.js'
import { cpu, loadCpuShaders } from '../../src/shaders.cpu.js'
import * as shaders from '../../src/shaders.gen.js'

export interface Compiled {
  adapter: string
  /** Pipelines made, and those that need a feature that is not there. */
  pipelines: number
  skipped: number
  errors: string[]
}

/** Compiles every variant of every kernel, as it is and with all bindings `read_write`. */
export async function compileAll(options: { baseline: boolean }): Promise<Compiled> {
  const engine = await init({ ...options, tune: false })
  await loadCpuShaders()
  const errors: string[] = []
  let pipelines = 0
  let skipped = 0
  for (const kernel of [shaders, cpu].flatMap((all) => Object.values<Kernel>({ ...all }))) {
    const overrides = Object.fromEntries(kernel.template.overrides.map(({ name }) => [name, 0]))
    for (const variant of kernel.variants.values()) {
      if (!variant.features.every((feature) => engine.features.has(feature))) skipped++
      else
        for (const mixed of [false, true])
          await gpu.pipelines.soon(variant, overrides, mixed).then(
            () => pipelines++,
            (error: Error) => errors.push(error.message),
          )
    }
  }
  const adapter = `${engine.adapterKind} ${engine.adapterName}`
  engine.dispose()
  return { adapter, pipelines, skipped, errors }
}

export interface Answer {
  /** Null where that was not asked. */
  compiled: Compiled | null
  /** Of the README's program. */
  losses: number[]
}

/** Of the bundle that pages load. The README's program is written beside this file by the test. */
export async function ask({ compile, ...options }: { compile: boolean; baseline: boolean }): Promise<Answer> {
  const [program, bundle] = ['./readme.gen.js', '../../browser/index.js']
  const compiled = compile ? await compileAll(options) : null
  return { compiled, losses: await (await import(program)).train(await import(bundle), options) }
}
