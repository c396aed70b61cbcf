// What several processes send in a step of training and how long they wait for it, measured on this machine, and a model
// of it for more machines. With lavapipe on one machine the processes share its cores.
//
//   mpirun -n 2 node dist/bench/exchange.js [seconds of a step, in place of those that were measured]
import { chooseTrainable, init, optim, type StepOptions, TrainingStep } from '../src/index.js'
import { createModel } from '../src/models/registry.js'
import { joinMpi } from '../src/mpi.js'
import { Team } from '../src/train/group.js'

const CASES = [
  { name: 'resnet18, all', model: 'resnet18', trainable: ['all'] },
  { name: 'resnet18, layer4 + fc', model: 'resnet18', trainable: ['layer4', 'fc'] },
  { name: 'vit-ti16, all', model: 'vit-ti16', trainable: ['all'] },
] as const
const SIZE = 64
/** Images of each process. */
const IMAGES = 8
const STEPS = 3
const NODES = [2, 4, 8, 16, 32, 64]
/** Bits a second between two machines, and seconds until a message arrives. */
const NETWORKS = [
  { name: '10 Gb/s', bits: 10e9, latency: 30e-6 },
  { name: '100 Gb/s', bits: 100e9, latency: 5e-6 },
] as const
/** Bytes that are summed at once (src/train/group.ts). */
const BUCKET = 4 << 20

const given = process.argv[2] === undefined ? undefined : Number(process.argv[2])
const group = await joinMpi()
const engine = await init({ seed: 0 })
const say = (text: string) => group.rank || console.log(text)
const fixed = (value: number, digits = 3) => value.toFixed(digits)
const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]

/** Seconds of a step, bytes that a process gives to be summed, and seconds in which it waits for that. */
async function measure({ model: name, trainable }: (typeof CASES)[number], exchange: boolean) {
  const model = createModel(name, { numClasses: 2, imageSize: SIZE })
  chooseTrainable(model, name, trainable)
  const team = new Team(group)
  const options: StepOptions = {
    engine,
    model,
    optimizer: new optim.Adam(model.parameters().filter((p) => p.requiresGrad)),
    classWeight: Float32Array.of(1, 1),
    normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    exchange: exchange ? team.exchange : undefined,
  }
  const step = new TrainingStep(options)
  const labels = Int32Array.from({ length: IMAGES }, (_, i) => i % 2)
  const batch = { images: new Uint8Array(IMAGES * SIZE * SIZE * 3).fill(100), labels, indices: labels }
  const seconds: number[] = []
  let first = 0 // what was waited in the first step, which compiles
  for (let i = 0; i <= STEPS; i++) {
    await group.gather(new Uint8Array(1)) // all begin together
    const start = performance.now()
    const { loss } = await step.run({ ...batch, shape: [IMAGES, SIZE, SIZE, 3] })
    await loss.data()
    if (i > 0) seconds.push((performance.now() - start) / 1000)
    else first = team.cost(1, 1).share
  }
  step.dispose()
  const { bytesPerStep, share } = team.cost(STEPS + 1, 1) // of one second: its seconds
  return { seconds: seconds.reduce((a, b) => a + b) / STEPS, bytes: bytesPerStep, waits: (share - first) / STEPS }
}

/** Seconds of summing so many bytes over all processes, nothing else. */
async function summing(bytes: number): Promise<number> {
  const seconds: number[] = []
  for (let i = 0; i < STEPS; i++) {
    const start = performance.now()
    for (let at = 0; at < bytes; at += BUCKET) await group.sum(new Float32Array(Math.min(BUCKET, bytes - at) / 4))
    seconds.push((performance.now() - start) / 1000)
  }
  return median(seconds)
}

say(`${group.library}, ${group.size} processes, ${engine.adapterName}, ${IMAGES} images of ${SIZE} px each\n`)
say('| model | MB a step | step alone, s | step, s | waits for sums, s | share | summing alone, s |')
say('| --- | --- | --- | --- | --- | --- | --- |')
const measured: { name: string; bytes: number; alone: number; waits: number }[] = []
for (const one of CASES) {
  const alone = await measure(one, false)
  const { seconds, bytes, waits } = await measure(one, true)
  const sums = await summing(bytes)
  const numbers = [bytes / 1e6, alone.seconds, seconds, waits]
  say(
    `| ${one.name} | ${numbers.map((n) => fixed(n)).join(' | ')} | ${fixed((100 * waits) / seconds, 0)} % | ${fixed(sums)} |`,
  )
  measured.push({ name: one.name, bytes, alone: alone.seconds, waits })
}
say(
  `\nModel: a step of ${given === undefined ? 'the time alone' : `${given} s`}, then what was waited here, and 2 (N - 1) / N of the bytes over ` +
    'the network, with 2 (N - 1) messages of every 4 MiB in turn.\n',
)
say(`| share of a step | ${NODES.map((n) => `${n} nodes`).join(' | ')} |`)
say(`| --- |${NODES.map(() => ' --- |').join('')}`)
for (const { name, bytes, alone, waits } of measured)
  for (const { name: network, bits, latency } of NETWORKS) {
    const shares = NODES.map((n) => {
      const wire = (2 * ((n - 1) / n) * bytes * 8) / bits + Math.ceil(bytes / BUCKET) * 2 * (n - 1) * latency
      return `${fixed((100 * (waits + wire)) / ((given ?? alone) + waits + wire), 0)} %`
    })
    say(`| ${name}, ${network} | ${shares.join(' | ')} |`)
  }
engine.dispose()
group.leave()
