// npm run bench [-- words]: every kernel at real shapes and whole training steps, checked before they are timed. Prints a table and writes
// bench/results/<adapter>.json. Words choose rows by name; `--profile` prints a ResNet18 step (64 px, batch 4) by kernel instead.
import { mkdir, writeFile } from 'node:fs/promises'
import { gpu } from '../src/gpu/gpu.js'
import { type Engine, init } from '../src/index.js'
import { type Work, works } from './kernels.js'
import { build, steps, time } from './models.js'

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const chosen = (name: string) => words.every((word) => name.includes(word))
const RUNS = 7

/** The same step in both kernel families: largest difference ‖a - b‖ / ‖b‖ over all results. */
async function disagreement(engine: Engine, make: Work['make']): Promise<number> {
  const run = async () => {
    const results = await engine.step(make())
    return Promise.all(Object.values(results).map((t) => t.data()))
  }
  const fast = await run()
  const { subgroupSize } = gpu.caps
  gpu.caps.subgroupSize = 0
  const plain = await run()
  gpu.caps.subgroupSize = subgroupSize
  return Math.max(0, ...fast.map((a, i) => {
    let [difference, size] = [0, 0]
    a.forEach((v, j) => { difference += (v - plain[i][j]) ** 2; size += plain[i][j] ** 2 })
    return Math.sqrt(difference / size)
  }))
}

async function measure(engine: Engine, work: Work) {
  const error = await disagreement(engine, work.make)
  if (!(error < 1e-4)) throw new Error(`${work.name}: the kernel families differ by ${error}; nothing was timed`)
  const step = work.make()
  const runs: { kernel: string; ms: number }[][] = []
  for (let i = 0; i < RUNS; i++) runs.push(await engine.profile(step))
  return work.parts.map(({ name, kernels, flops, bytes }) => {
    const times = runs.map((run) => run.filter((k) => kernels.test(k.kernel)).reduce((sum, k) => sum + k.ms, 0)).sort((a, b) => a - b)
    const ms = times[RUNS >> 1]
    return { work: work.name, part: name, ms, minMs: times[0], error, gflops: flops && flops / ms / 1e6, gbs: bytes && bytes / ms / 1e6 }
  })
}

const engine = await init()
console.log(`${engine.adapterName}${engine.isSoftware ? ' (a software adapter)' : ''}`)
if (process.argv.includes('--profile')) {
  for (const { kernel, calls, ms } of await engine.profile(build(steps[0]))) console.log(`${kernel.padEnd(42)} ${String(calls).padStart(4)} × ${ms.toFixed(2).padStart(9)} ms`)
} else {
  const kernels = []
  for (const work of works.filter((w) => chosen(w.name))) {
    for (const row of await measure(engine, work)) {
      kernels.push(row)
      const rate = row.gflops ? `${row.gflops.toFixed(1)} GFLOPS` : `${row.gbs!.toFixed(1)} GB/s`
      console.log(`${`${row.work}  ${row.part}`.padEnd(50)} ${row.ms.toFixed(2).padStart(9)} ms  ${rate.padStart(14)}`)
    }
  }
  const models = []
  for (const work of steps.filter((w) => chosen(w.name))) {
    const row = await time(engine, work, 8)
    models.push(row)
    console.log(`${row.name.padEnd(50)} ${row.ms.toFixed(0).padStart(6)} ms  ${row.imagesPerSecond.toFixed(1)} images/s, first step ${(row.firstMs / 1000).toFixed(2)} s, ` +
      `${row.dispatches} dispatches, ${(row.plannedBytes / 2 ** 20).toFixed(0)} MiB planned (at least ${(row.lowerBoundBytes / 2 ** 20).toFixed(0)}), ${row.newObjectsPerStep} GPU objects a step`)
  }
  if (!words.length) {
    const folder = new URL('../../bench/results/', import.meta.url)
    await mkdir(folder, { recursive: true })
    const file = new URL(`${engine.adapterKind === 'gpu' ? engine.adapterName.replace(/\W+/g, '-').toLowerCase() : engine.adapterKind}.json`, folder)
    const rounded = JSON.stringify({ adapter: engine.adapterName, date: new Date().toISOString().slice(0, 10), node: process.version, kernels, models },
      (_, v) => (typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(4)) : v), 2)
    await writeFile(file, `${rounded}\n`)
    console.log(`wrote bench/results/${file.pathname.split('/').pop()}`)
  }
}
engine.dispose()
