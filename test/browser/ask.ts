// What every implementation of WebGPU is asked: to compile all kernels, and to run the README's program. Bundled for
// what is no Node, and run by engines.test.ts.
import type { Kernel } from '../../src/gpu/kernel.js'
import { init } from '../../src/index.js'
import { augment, loadAugmentShaders } from '../../src/shaders.augment.js'
import { cpu, loadCpuShaders } from '../../src/shaders.cpu.js'
import * as shaders from '../../src/shaders.gen.js'
import { type Compiled, compile } from '../compile.js'

async function compileAll(options: { baseline: boolean }) {
  const engine = await init({ ...options, tune: false })
  await Promise.all([loadCpuShaders(), loadAugmentShaders()])
  const compiled = await compile(
    [shaders, cpu, augment].flatMap((all) => Object.values<Kernel>({ ...all })),
    engine,
  )
  const adapter = `${engine.adapterKind} ${engine.adapterName}`
  engine.dispose()
  return { adapter, ...compiled }
}

export interface Answer {
  /** Null where that was not asked. */
  compiled: (Compiled & { adapter: string }) | null
  /** Of the README's program. */
  losses: number[]
}

/** Of the bundle that pages load. The README's program is written beside this file by the test. */
export async function ask({ compile, ...options }: { compile: boolean; baseline: boolean }): Promise<Answer> {
  const [program, bundle] = ['./readme.gen.js', '../../browser/index.js']
  const compiled = compile ? await compileAll(options) : null
  return { compiled, losses: await (await import(program)).train(await import(bundle), options) }
}
