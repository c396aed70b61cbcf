// The training loop on batches that you make: a BatchSource yields bytes [B, H, W, 3] and labels. Here they are drawn;
// they may come from a database, a DICOM reader or a camera.
import { type Batch, type BatchSource, Trainer, drawRadiograph, init, models, optim, transforms } from 'radiograd'

const [size, batchSize] = [32, 8]

/** `count` generated radiographs, the same ones every epoch. */
function drawn(count: number, firstSeed: number): BatchSource {
  const length = Math.ceil(count / batchSize)
  return {
    length,
    batchSize,
    dataset: {
      classes: ['NORMAL', 'PNEUMONIA'],
      samples: Array.from({ length: count }, (_, i) => ({ path: `drawn ${i}`, file: '', label: i % 2 })),
      transform: transforms.compose([
        transforms.Resize([size, size]), // says how large the images are
        transforms.ToTensor(),
        transforms.Normalize(0.5, 0.25),
      ]),
    },
    async *epoch(): AsyncGenerator<Batch, void, void> {
      for (let b = 0; b < length; b++) {
        const indices = Int32Array.from(
          { length: Math.min(batchSize, count - b * batchSize) },
          (_, i) => b * batchSize + i,
        )
        const images = new Uint8Array(indices.length * size * size * 3)
        indices.forEach((index, slot) => {
          const gray = drawRadiograph(index % 2, firstSeed + index, size)
          gray.forEach((level, p) => images.fill(level, 3 * (slot * size * size + p), 3 * (slot * size * size + p + 1)))
        })
        yield { images, shape: [indices.length, size, size, 3], labels: indices.map((i) => i % 2), indices }
      }
    },
  }
}

const engine = await init({ seed: 0 })
const model = models.resnet18({ numClasses: 2 })
const trainer = new Trainer({
  engine,
  model,
  optimizer: new optim.Adam(model.parameters(), { lr: 1e-3 }),
  train: drawn(24, 0),
  validation: drawn(8, 1000),
  epochs: 2,
  onEpoch: ({ epoch, trainLoss, valLoss }) => console.log(`epoch ${epoch}: ${trainLoss} ${valLoss}`),
})
const { best } = await trainer.fit()
console.log(`best epoch ${best?.epoch}`)
engine.dispose()
