// A network of your own: modules as fields, a training step recorded once and replayed, the weights as a file that
// PyTorch can load. Learns to tell vertical from horizontal stripes.
import { F, type Tensor, init, nn, optim, saveSafetensors, tensor } from 'radiograd'

class Net extends nn.Module {
  readonly conv1 = new nn.Conv2d(1, 8, 3, { padding: 1 })
  readonly conv2 = new nn.Conv2d(8, 16, 3, { padding: 1, stride: 2 })
  readonly head = new nn.Linear(16, 2)

  /** x: [N, H, W, 1], channels last. */
  forward(x: Tensor): Tensor {
    const y = F.relu(this.conv2.forward(F.relu(this.conv1.forward(x))))
    return this.head.forward(F.mean(y, { dim: [1, 2] }))
  }
}

const [batch, size] = [16, 16]

/** Stripes of random phase: class 0 stands, class 1 lies. */
function stripes(): { pixels: Float32Array; labels: Int32Array } {
  const labels = Int32Array.from({ length: batch }, () => Math.round(Math.random()))
  const phases = Float32Array.from(labels, () => 4 * Math.random())
  const pixels = Float32Array.from({ length: batch * size * size }, (_, i) => {
    const [n, row, column] = [Math.floor(i / (size * size)), Math.floor(i / size) % size, i % size]
    return Math.sin((labels[n] === 0 ? column : row) * 1.5 + phases[n]!)
  })
  return { pixels, labels }
}

const engine = await init({ seed: 0 })
const net = new Net()
const adam = new optim.AdamW(net.parameters(), { lr: 1e-2 })
const step = engine.capture(({ x, y }) => {
  adam.zeroGrad()
  const loss = F.crossEntropy(net.forward(x), y)
  loss.backward()
  adam.step()
  return { loss }
})

net.train()
for (let i = 1; i <= 60; i++) {
  const { pixels, labels } = stripes()
  const { loss } = await step({ x: tensor(pixels, [batch, size, size, 1]), y: tensor(labels) })
  if (i % 20 === 0) console.log(`step ${i}: loss ${(await loss.item()).toFixed(4)}`)
}
await saveSafetensors('custom-cnn.safetensors', await net.stateDict())
engine.dispose()
