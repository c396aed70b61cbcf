// What every implementation of WebGPU is asked: to compile all kernels, to run the README's program, and to train two
// models for ten steps. Bundled for what is no Node, and run by engines.test.ts.
import { F, init, loadCheckpoint, models, noGrad, optim, safetensorsBytes, tensor } from '../../src/index.js'
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

export interface Trained {
  /** Of ten steps, by model. */
  losses: Record<string, number[]>
  /** The small ViT after its steps, in base64. */
  checkpoint: string
  /** Of it, and of the given checkpoints, for the first batch. */
  logits: number[][]
}

const [SIDE, BATCH] = [64, 4]
/** The same pixels and labels everywhere. */
const batch = (step: number) => ({
  x: tensor(
    Float32Array.from({ length: BATCH * SIDE * SIDE * 3 }, (_, i) => ((i * 7919 + step * 131) % 1000) / 500 - 1),
    [BATCH, SIDE, SIDE, 3],
  ),
  y: tensor(Int32Array.from({ length: BATCH }, (_, i) => (i + step) % 2)),
})

/** Trains ResNet18 and a small ViT, all parameters, and reads checkpoints that others made. */
export async function tenSteps({
  checkpoints,
  ...options
}: {
  checkpoints: readonly string[]
  baseline: boolean
}): Promise<Trained> {
  const engine = await init({ ...options, seed: 0, tune: false })
  const small = () =>
    models.vit({ imageSize: SIDE, patchSize: 16, dim: 48, depth: 2, heads: 3, mlpDim: 96, numClasses: 2 })
  const losses: Trained['losses'] = {}
  const train = async (name: string, model: ReturnType<typeof small> | models.ResNet) => {
    const adam = new optim.Adam(model.parameters(), { lr: 1e-4 })
    model.train()
    const step = engine.capture(({ x, y }: ReturnType<typeof batch>) => {
      adam.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), y)
      loss.backward()
      adam.step()
      return { loss }
    })
    losses[name] = []
    for (let i = 0; i < 10; i++) losses[name].push(await (await step(batch(i))).loss.item())
    model.eval()
    return model
  }
  await train('resnet18', models.resnet18({ numClasses: 2 }))
  const own = await train('vit', small())
  const bytes = safetensorsBytes(await own.stateDict())
  const logitsOf = async (model: typeof own) =>
    Array.from((await noGrad(() => model.forward(batch(0).x)).data()) as Float32Array)
  const logits = [await logitsOf(own)]
  for (const text of checkpoints) {
    const other = small()
    other.loadStateDict(await loadCheckpoint(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))))
    other.eval()
    logits.push(await logitsOf(other))
  }
  engine.dispose()
  return { losses, checkpoint: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')), logits }
}
