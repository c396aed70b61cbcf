// Finds the lungs on radiographs: a small U-Net (Ronneberger, Fischer & Brox 2015) trained with the Dice loss (Milletari,
// Navab & Ahmadi 2016) on pictures that are drawn here, with their masks.
//
//   node dist/examples/unet.js [steps] [size]     default 100 and 64
import { F, type Tensor, drawSegmented, init, nn, optim, tensor } from 'radiograd'

/** Two convolutions, each with groupNorm and relu. */
const block = (from: number, to: number) =>
  new nn.Sequential(
    new nn.Conv2d(from, to, 3, { padding: 1, bias: false }),
    new nn.GroupNorm(4, to),
    F.relu,
    new nn.Conv2d(to, to, 3, { padding: 1, bias: false }),
    new nn.GroupNorm(4, to),
    F.relu,
  )

/** Images [N, H, W, in] → logits [N, H, W, out]; sides must divide by 2^(widths - 1). */
class UNet extends nn.Module {
  readonly down: nn.Sequential[]
  readonly lift: nn.ConvTranspose2d[]
  readonly up: nn.Sequential[]
  readonly head: nn.Conv2d

  constructor(inChannels: number, outChannels: number, widths = [8, 16, 32]) {
    super()
    this.down = widths.map((width, i) => block(i ? widths[i - 1] : inChannels, width))
    const pairs = widths.slice(1).map((width, i) => [width, widths[i]] as const)
    this.lift = pairs.map(([from, to]) => new nn.ConvTranspose2d(from, to, 2, { stride: 2 }))
    this.up = pairs.map(([, to]) => block(2 * to, to))
    this.head = new nn.Conv2d(widths[0], outChannels, 1)
  }

  forward(x: Tensor): Tensor {
    const skipped: Tensor[] = []
    let y = x
    this.down.forEach((stage, i) => {
      if (i) y = F.maxPool2d(y, { kernelSize: 2 })
      y = stage.forward(y)
      skipped.push(y)
    })
    for (let i = this.up.length - 1; i >= 0; i--) {
      y = this.up[i].forward(F.cat([this.lift[i].forward(y), skipped[i]], { dim: 3 }))
    }
    return this.head.forward(y)
  }
}

/** 1 - 2·|P ∩ T| / (|P| + |T|), with probabilities for P. */
function diceLoss(logits: Tensor, target: Tensor): Tensor {
  const p = F.sigmoid(logits)
  const overlap = F.affine(F.sum(F.mul(p, target)), 2, 1)
  const both = F.affine(F.add(F.sum(p), F.sum(target)), 1, 1)
  return F.affine(F.div(overlap, both), -1, 1)
}

/** Pictures and masks, [count, size, size, 1] both, from 0 to 1. */
function draw(first: number, count: number, size: number) {
  const images = new Float32Array(count * size * size)
  const masks = new Float32Array(images.length)
  for (let i = 0; i < count; i++) {
    const { gray, lungs } = drawSegmented(i % 2, first + i, size)
    images.set(
      Float32Array.from(gray, (v) => v / 255),
      i * gray.length,
    )
    masks.set(lungs, i * gray.length)
  }
  const shape = [count, size, size, 1]
  return { images: tensor(images, shape), masks: tensor(masks, shape) }
}

const [steps, size] = [process.argv[2] ?? 100, process.argv[3] ?? 64].map(Number)
const BATCH = 8
const engine = await init({ seed: 0 })
const model = new UNet(1, 1)
const adam = new optim.AdamW(model.parameters(), { lr: 3e-3 })
const learn = engine.capture(({ images, masks }: { images: Tensor; masks: Tensor }) => {
  adam.zeroGrad()
  const loss = diceLoss(model.forward(images), masks)
  loss.backward()
  adam.step()
  return loss
})
const test = draw(1_000_000, 16, size)
const report = async () => {
  const loss = await engine.step(() => diceLoss(model.forward(test.images), test.masks))
  console.log(`unseen pictures: loss ${(await loss.item()).toFixed(3)}`)
}
await report()
for (let step = 1; step <= steps; step++) {
  const loss = await learn(draw(step * BATCH, BATCH, size))
  if (step % 20 === 0) console.log(`step ${step}: ${(await loss.item()).toFixed(3)}`)
}
await report()
engine.dispose()
