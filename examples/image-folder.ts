// A folder of images, `DIR/train/CLASS/*.jpeg` and `DIR/test/CLASS/*.jpeg`: loaded, turned at random, weighted by class,
// trained on. The command `radiograd train` does more; this is what it is made of.
import {
  DataLoader,
  Evaluator,
  ImageFolder,
  Trainer,
  computeClassWeight,
  computeMetrics,
  init,
  models,
  optim,
  saveSafetensors,
  transforms,
} from 'radiograd'

const dir = process.argv[2] ?? 'chest_xray'
const [mean, std] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
]
const still = [transforms.ToTensor(), transforms.Normalize(mean, std)]
const resize = transforms.Resize([32, 32])

const train = new ImageFolder(`${dir}/train`, {
  transform: transforms.compose([resize, transforms.RandomHorizontalFlip(), ...still]),
})
const test = new ImageFolder(`${dir}/test`, { transform: transforms.compose([resize, ...still]) })
const loader = new DataLoader(train, { batchSize: 8, shuffle: true, seed: 0 })
const testLoader = new DataLoader(test, { batchSize: 8 })

const labels = train.samples.map((sample) => sample.label)

const engine = await init({ seed: 0 })
const model = models.resnet18({ numClasses: train.classes.length })
const trainer = new Trainer({
  engine,
  model,
  optimizer: new optim.AdamW(model.parameters(), { lr: 1e-3 }),
  train: loader,
  classWeight: computeClassWeight('balanced', labels, train.classes.length),
  epochs: 2,
  onProgress: ({ epoch, images, total, loss }) => console.log(`epoch ${epoch}: ${images}/${total} loss ${loss}`),
})
await trainer.fit()
const outputs = await new Evaluator(engine, model).run(testLoader)
if (outputs) console.log(`accuracy ${computeMetrics(outputs).accuracy} on ${outputs.labels.length} images`)
await saveSafetensors('image-folder.safetensors', await model.stateDict())
await Promise.all([loader.close(), testLoader.close()])
engine.dispose()
