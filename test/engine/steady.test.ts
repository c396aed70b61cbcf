// A long run makes no GPU object and no memory after its second step, captured or recorded; both give the same bits.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { F, type Tensor, init, nn, optim, tensor } from '../../src/index.js'

const engine = await init({ seed: 3 })
const test = suite(`steady state (${engine.adapterKind})`)

/** A small network with what has state or chance: batchNorm, dropout, Adam. */
class Net extends nn.Module {
  conv = new nn.Conv2d(3, 8, 3, { padding: 1 })
  bn = new nn.BatchNorm2d(8)
  dropout = new nn.Dropout(0.2)
  fc = new nn.Linear(8, 2)

  forward(x: Tensor): Tensor {
    const y = F.maxPool2d(this.bn.forwardRelu(this.conv.forward(x)), { kernelSize: 2, stride: 2, padding: 0 })
    return this.fc.forward(this.dropout.forward(F.reshape(F.adaptiveAvgPool2d(y, [1, 1]), [x.shape[0], 8])))
  }
}

const wave = (n: number, k: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * k))

/** A network with fixed values, and the step that trains it. */
function training() {
  const net = new Net()
  for (const [i, p] of net.parameters().entries()) p.write(wave(p.size, 0.7 + i))
  const adam = new optim.Adam(net.parameters(), { lr: 1e-3 })
  const step = ({ x, y }: { x: Tensor; y: Tensor }) => {
    adam.zeroGrad()
    const loss = F.crossEntropy(net.forward(x), y)
    loss.backward()
    adam.step()
    return loss
  }
  return { net, step }
}

const batch = (i: number) => ({
  x: tensor(wave(4 * 6 * 6 * 3, 0.3 + 0.01 * i), [4, 6, 6, 3]),
  y: tensor(new Int32Array([0, 1, i % 2, 1]), [4]),
})

async function steady(steps: number, run: (i: number) => Promise<Tensor>) {
  let before
  for (let i = 0; i < steps; i++) {
    const loss = await run(i)
    if (i % 100 === 1) assert.ok(Number.isFinite(await loss.item()))
    loss.dispose()
    if (i === 1) before = { memory: engine.memory(), counters: { ...engine.counters(), submits: 0 } }
  }
  assert.equal({ memory: engine.memory(), counters: { ...engine.counters(), submits: 0 } }, before)
}

test('1000 captured steps', async () => {
  const { step } = training()
  const [a, b] = [batch(0), batch(1)]
  const captured = engine.capture(step)
  await steady(1000, (i) => captured(i % 2 ? a : b))
})

test('100 recorded steps', async () => {
  const { step } = training()
  const a = batch(0)
  await steady(100, () => engine.step(() => step(a)))
})

test('captured, recorded and immediate steps agree bit for bit', async () => {
  const outcome = async (mode: 'captured' | 'recorded' | 'immediate') => {
    const { net, step } = training()
    net.dropout.train(false) // immediate calls draw other random numbers
    const captured = engine.capture(step)
    const losses: number[] = []
    for (let i = 0; i < 5; i++) {
      const loss =
        mode === 'captured'
          ? await captured(batch(i))
          : mode === 'recorded'
            ? await engine.step(() => step(batch(i)))
            : step(batch(i))
      losses.push(await loss.item())
    }
    const state = await net.stateDict()
    return { losses, state: [...state].map(([name, { data }]) => [name, ...data].join()) }
  }
  const captured = await outcome('captured')
  assert.equal(await outcome('recorded'), captured)
  assert.equal(await outcome('immediate'), captured)
  assert.ok(captured.losses.every(Number.isFinite) && captured.losses[4] !== captured.losses[0])
})

test.after(() => engine.dispose())
test.run()
