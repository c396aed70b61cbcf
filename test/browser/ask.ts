// What every implementation of WebGPU is asked: to compile all kernels, and to run the README's program. Bundled for
// what is no Node, and run by engines.test.ts.
import { init } from '../../src/index.js'
import { type Compiled, compile, everyKernel } from '../compile.js'

async function compileAll(options: { baseline: boolean }) {
  const engine = await init({ ...options, tune: false })
  const compiled = await compile(await everyKernel(), engine)
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
