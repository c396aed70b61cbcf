// A Vision Transformer of someone else with a new head: weights of 1000 classes are loaded, the head starts anew, and
// the layers below learn more slowly than it does.
import { F, init, loadCheckpoint, models, optim, tensor } from 'radiograd'

const weights = process.argv[2] // such as timm's vit_tiny_patch16_224.pth
const [classes, size] = [3, 32]

const engine = await init({ seed: 0 })
const model = models.vitTiny({ numClasses: classes, imageSize: size })
if (weights) {
  const { reinitialised } = model.loadStateDict(await loadCheckpoint(weights))
  console.log(`starts anew: ${reinitialised.map(({ name }) => name).join(', ')}`)
}

const isHead = (name: string) => name.startsWith('head.')
const decays = (shape: readonly number[]) => shape.length > 1 // neither biases nor normalisation
const named = [...model.namedParameters()]
const group = (fits: (name: string, shape: readonly number[]) => boolean) =>
  named.filter(([name, p]) => fits(name, p.shape)).map(([, p]) => p)
const adam = new optim.AdamW(
  [
    { params: group((name) => isHead(name)), lr: 1e-3 },
    { params: group((name, shape) => !isHead(name) && decays(shape)), lr: 1e-5, weightDecay: 0.05 },
    { params: group((name, shape) => !isHead(name) && !decays(shape)), lr: 1e-5, weightDecay: 0 },
  ],
  { lr: 1e-3 },
)

const x = tensor(Float32Array.from({ length: 4 * size * size * 3 }, Math.random), [4, size, size, 3])
const y = tensor(Int32Array.of(0, 1, 2, 0))
model.train()
const step = engine.capture(() => {
  adam.zeroGrad()
  const loss = F.crossEntropy(model.forward(x), y)
  loss.backward()
  optim.clipGradNorm(model.parameters(), 1)
  adam.step()
  return { loss }
})
for (let i = 0; i < 3; i++) console.log(`loss ${await (await step()).loss.item()}`)
engine.dispose()
