// Trains some steps, alone or with the processes that mpirun has started, and leaves losses and weights: the same global
// batches whatever their number. steps.js MODEL MODE STEPS DATA OUT; MODE is plain, frozen (BatchNorm), sync, clip (and
// a moving average). Not a test.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DataLoader,
  ImageFolder,
  TrainingStep,
  init,
  nn,
  optim,
  safetensorsBytes,
  transforms,
} from '../../src/index.js'
import { deviceOptions } from '../../src/data/transforms.js'
import { createModel } from '../../src/models/registry.js'
import { Team } from '../../src/train/group.js'
import { joinMpi, launched } from '../../src/mpi.js'

const [name, mode, steps, data, out] = process.argv.slice(2)
const group = launched() ? await joinMpi() : undefined
const team = group && new Team(group)
const engine = await init({ seed: 0 })
const model = createModel(name, { numClasses: 2, imageSize: 32 })
if (mode === 'frozen') model.freeze((parameter) => /bn\d\.|downsample\.1\./.test(parameter))
if (mode === 'sync' && team) nn.convertSyncBatchNorm(model, team.reduce)
const transform = transforms.compose([
  transforms.Resize([32, 32]),
  transforms.RandomHorizontalFlip(),
  transforms.ToTensor(),
  transforms.Normalize(0.5, 0.25),
])
const train = new ImageFolder(join(data, 'train'), { transform })
const loader = new DataLoader(train, { batchSize: 16, shuffle: true, dropLast: true, workers: 0, group: team })
const learning = model.parameters().filter((p) => p.requiresGrad)
const ema = mode === 'clip' ? new optim.ModelEma(model, 0.9) : undefined
const step = new TrainingStep({
  engine,
  model,
  ema,
  optimizer: new optim.Adam(learning, { lr: 1e-4 }),
  beforeUpdate: mode === 'clip' ? (parameters) => optim.clipGradNorm(parameters, 0.1) : undefined,
  classWeight: Float32Array.of(1, 3),
  normalization: deviceOptions(transform),
  freezeBatchNorm: mode === 'frozen',
  exchange: team?.exchange,
})
step.setMode()
const losses: number[] = []
while (losses.length < Number(steps))
  for await (const batch of loader) {
    const { loss } = await step.run(batch)
    const [own] = await loss.data()
    losses.push(((await team?.values(own)) ?? [own]).reduce((a, b) => a + b))
    if (losses.length === Number(steps)) break
  }
ema?.swap()
if (!group?.rank) {
  writeFileSync(`${out}.safetensors`, safetensorsBytes(await model.stateDict()))
  writeFileSync(`${out}.json`, JSON.stringify(losses))
}
await loader.close()
engine.dispose()
group?.leave()
