// What a page does: decodes a picture in a worker, and trains three steps on it.
import { DecodePool, F, init, nn, optim, tensor } from 'radiograd'

const warnings = []
const canvas = new OffscreenCanvas(32, 32)
canvas.getContext('2d').fillRect(0, 0, 16, 32)
const pool = new DecodePool(1, { onWarning: (message) => warnings.push(message) })
const { data, width } = await pool.decode({ path: 'made.png', file: await canvas.convertToBlob(), steps: [] })
await pool.close()

const engine = await init({ seed: 0 })
const conv = new nn.Conv2d(3, 8, 3, { padding: 1 })
const head = new nn.Linear(8, 2)
const adam = new optim.Adam([...conv.parameters(), ...head.parameters()], { lr: 1e-2 })
const picture = Float32Array.from(data, (level) => level / 255)
const x = tensor(
  Float32Array.from({ length: 2 * picture.length }, (_, i) => picture[i] ?? 0.5),
  [2, width, width, 3],
)
const y = tensor(Int32Array.of(0, 1))
const step = engine.capture(({ x, y }) => {
  adam.zeroGrad()
  const loss = F.crossEntropy(head.forward(F.mean(F.relu(conv.forward(x)), { dim: [1, 2] })), y)
  loss.backward()
  adam.step()
  return { loss }
})
const losses = []
for (let i = 0; i < 3; i++) losses.push(await (await step({ x, y })).loss.item())
engine.dispose()
globalThis.result = { losses, warnings }
