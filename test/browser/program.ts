// Three steps of ResNet18 at 32 px, through nothing but the public entry point: runs in Node and, unchanged, in a page.
import type * as Radiograd from '../../src/index.js'

/** Losses of three full training steps, and what computed them. */
export async function train(radiograd: typeof Radiograd): Promise<{ adapter: string; losses: number[] }> {
  const { F, init, models, optim, tensor } = radiograd
  const engine = await init({ seed: 3 })
  const model = models.resnet18({ numClasses: 2 })
  const adam = new optim.Adam(model.parameters(), { lr: 1e-3 })
  model.train()
  const pixels = Float32Array.from({ length: 4 * 32 * 32 * 3 }, (_, i) => Math.fround(((i * 7919) % 1000) / 500 - 1))
  const x = tensor(pixels, [4, 32, 32, 3])
  const y = tensor(Int32Array.of(0, 1, 1, 0))
  const step = engine.capture(() => {
    adam.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    adam.step()
    return loss
  })
  const losses: number[] = []
  for (let i = 0; i < 3; i++) losses.push(await (await step()).item())
  const adapter = engine.adapterKind
  engine.dispose()
  return { adapter, losses }
}
