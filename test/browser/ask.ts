// What every implementation of WebGPU is asked: to train for ten steps and to read the checkpoints of the others; on
// demand to compile all kernels, to run the README's program and to train a whole ResNet18. Bundled for what is no
// Node, and run by engines.test.ts.
import { type Engine, type Tensor, init, type nn } from '../../src/index.js'
import { type Compiled, compile, everyKernel } from '../compile.js'

type Radiograd = typeof import('../../src/index.js')

export interface Asked {
  /** The module to import: the bundle that pages load, or in Node the library. */
  library: string
  /** Nothing but what every device has. */
  baseline: boolean
  /** Also compile every kernel. */
  compile: boolean
  /** Also the README's program and a whole ResNet18. */
  whole: boolean
  /** Of earlier answers. */
  checkpoints: readonly Answer['checkpoint'][]
}

export interface Answer {
  /** Null where that was not asked. */
  compiled: (Compiled & { adapter: string }) | null
  /** Losses of ten steps, by model; `readme` are three of the README's program. */
  losses: Record<string, number[]>
  /** The small models after their steps, in base64. */
  checkpoint: Record<string, string>
  /** Of them, then of each of the given checkpoints, for the first batch. */
  logits: Record<string, number[]>[]
}

async function compileAll(baseline: boolean) {
  const engine = await init({ baseline, tune: false })
  const compiled = await compile(await everyKernel(), engine)
  const adapter = `${engine.adapterKind} ${engine.adapterName}`
  engine.dispose()
  return { adapter, ...compiled }
}

/** Of the small models' images, and of a batch. */
const [SIDE, BATCH] = [32, 8]

/** Images of `side` pixels, each with waves of its own, brighter in class 1; the same numbers everywhere, as is no sine. */
function images(side: number, count: number, first: number): { x: Float32Array; y: Int32Array } {
  const wave = (t: number) => 4 * Math.abs(t - Math.floor(t) - 0.5) - 1
  const drawn = (n: number) => {
    const h = Math.imul(n ^ (n >>> 15), 0x2c1b3c6d)
    return ((Math.imul(h ^ (h >>> 12), 0x297a2d39) >>> 8) & 0xffff) / 65536
  }
  const x = new Float32Array(count * side * side * 3)
  const y = Int32Array.from({ length: count }, (_, k) => k % 2)
  let at = 0
  for (let k = 0; k < count; k++) {
    const [across, down, shift, slope] = [1, 2, 3, 4].map((j) => drawn((1 + first + k) * 64 + j))
    for (let row = 0; row < side; row++)
      for (let column = 0; column < side; column++) {
        const [u, v] = [row / side, column / side]
        const level = y[k] - 0.5 + wave((1 + 3 * down) * u + shift) + wave((1 + 3 * across) * v + slope * u)
        for (let channel = 0; channel < 3; channel++) x[at++] = level + 0.1 * channel
      }
  }
  return { x, y }
}

/** ResNet18's parts once each, narrow: 7×7 and 3×3 convolutions, strides, a shortcut with and without a convolution. */
function smallResNet({ F, nn }: Radiograd) {
  class Small extends nn.Module {
    conv1 = new nn.Conv2d(3, 16, 7, { stride: 2, padding: 3, bias: false })
    bn1 = new nn.BatchNorm2d(16)
    conv2 = new nn.Conv2d(16, 16, 3, { padding: 1, bias: false })
    bn2 = new nn.BatchNorm2d(16)
    conv3 = new nn.Conv2d(16, 32, 3, { stride: 2, padding: 1, bias: false })
    bn3 = new nn.BatchNorm2d(32)
    shrink = new nn.Conv2d(16, 32, 1, { stride: 2, bias: false })
    bn4 = new nn.BatchNorm2d(32)
    fc = new nn.Linear(32, 2)

    forward(images: Tensor): Tensor {
      const stem = this.bn1.forwardConv(this.conv1, images, { activation: 'relu' })
      const x = F.maxPool2d(stem, { kernelSize: 3, stride: 2, padding: 1 })
      const y = this.bn2.forwardConv(this.conv2, x, { residual: x, activation: 'relu' })
      const residual = this.bn4.forwardConv(this.shrink, y)
      const z = this.bn3.forwardConv(this.conv3, y, { residual, activation: 'relu' })
      return this.fc.forward(F.mean(z, { dim: [1, 2] }))
    }
  }
  return new Small()
}

/**
 * ResNet18 with the last norm of each block at 0, as torchvision's `zero_init_residual` makes it for training from
 * nothing (Goyal et al. 2017). Made as usual it turns rounding into other losses: ten steps of PyTorch on these images
 * from weights that are 1e-7 apart end 1e-3 apart with Adam at 1e-5, a tenth of the usual rate. From this start they
 * end less than 1e-6 apart, with Adam at 1e-4 and with SGD at 1e-2 alike.
 */
function calmResNet18({ models, nn }: Radiograd) {
  const model = models.resnet18({ numClasses: 2 })
  for (const { bn2 } of [model.layer1, model.layer2, model.layer3, model.layer4].flat()) nn.init.zeros(bn2.weight!)
  return model
}

/** Does what is asked of it, with the losses and checkpoints that came of it. */
export async function ask({ library, baseline, compile, whole, checkpoints }: Asked): Promise<Answer> {
  const compiled = compile ? await compileAll(baseline) : null
  const radiograd = (await import(library)) as Radiograd
  const { F, loadCheckpoint, models, noGrad, optim, safetensorsBytes, tensor } = radiograd
  const losses: Answer['losses'] = {}
  if (whole) {
    // Written beside this file by the test.
    const program = './readme.gen.js'
    losses.readme = await (await import(program)).train(radiograd, { baseline })
  }
  const engine: Engine = await radiograd.init({ baseline, seed: 0, tune: false })
  const batch = (side: number, step: number) => {
    const { x, y } = images(side, BATCH, step * BATCH)
    return { x: tensor(x, [BATCH, side, side, 3]), y: tensor(y) }
  }
  type Model = nn.Module & { forward(x: Tensor): Tensor }
  const train = async (name: string, model: Model, side: number) => {
    const sgd = new optim.SGD(model.parameters(), { lr: 1e-2, momentum: 0.9 })
    model.train()
    const step = engine.capture(({ x, y }: ReturnType<typeof batch>) => {
      sgd.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), y)
      loss.backward()
      sgd.step()
      return { loss }
    })
    losses[name] = []
    for (let i = 0; i < 10; i++) losses[name].push(await (await step(batch(side, i))).loss.item())
    model.eval()
  }
  const small: Record<string, () => Model> = {
    'small ResNet': () => smallResNet(radiograd),
    'small ViT': () =>
      models.vit({ imageSize: SIDE, patchSize: 8, dim: 48, depth: 2, heads: 3, mlpDim: 96, numClasses: 2 }),
  }
  const logitsOf = async (model: Model) =>
    Array.from((await noGrad(() => model.forward(batch(SIDE, 0).x)).data()) as Float32Array)
  const checkpoint: Answer['checkpoint'] = {}
  const logits: Answer['logits'] = [{}, ...checkpoints.map(() => ({}))]
  // All are trained before others are made, which would draw from the same random numbers.
  for (const [name, make] of Object.entries(small)) {
    const own = make()
    await train(name, own, SIDE)
    const bytes = safetensorsBytes(await own.stateDict())
    checkpoint[name] = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
    logits[0][name] = await logitsOf(own)
  }
  if (whole) await train('ResNet18', calmResNet18(radiograd), 64)
  for (const [i, texts] of checkpoints.entries())
    for (const [name, make] of Object.entries(small)) {
      const other = make()
      other.loadStateDict(await loadCheckpoint(Uint8Array.from(atob(texts[name]), (c) => c.charCodeAt(0))))
      other.eval()
      logits[i + 1][name] = await logitsOf(other)
    }
  engine.dispose()
  return { compiled, losses, checkpoint, logits }
}
