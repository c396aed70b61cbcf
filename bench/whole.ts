// The plain bench: kernels, then steps, then first steps. Prints tables; run whole it writes
// bench/results/<adapter>.json as it goes along.
import { type Engine, init } from '../src/index.js'
import { check } from '../src/util/check.js'
import { CeilingMeter, type Ceilings } from './ceilings.js'
import { type ColdRow, coldStart, coldTable } from './cold.js'
import { groups } from './kernels.js'
import { type KernelRow, kernelTable, measureAll } from './measure.js'
import { origin, slug, watchOthers, writeResults } from './results.js'
import { type Log, print, progress, short } from './stats.js'
import { type StepRow, type StepWork, stepTable, steps, time } from './steps.js'

/** What bench/results/<adapter>.json holds. */
export interface WholeResults {
  adapter: string
  date: string
  node: string
  /** Cores that other processes used meanwhile, on average: far from 0 the times are worth little. */
  otherCores?: number
  ceilings: Ceilings
  kernels: KernelRow[]
  steps: StepRow[]
  cold: ColdRow[]
  /** What threw, and why. */
  failed: string[]
}

export interface Scope {
  /** Rows whose name holds every word. */
  words: readonly string[]
  log: Log
  /** Kernels alone, where they have less time. */
  kernelLog?: Log
  /** Given to each step. */
  seconds?: number
}

const chosen =
  (words: readonly string[]) =>
  ({ name }: { name: string }) =>
    words.every((word) => name.toLowerCase().includes(word.toLowerCase()))

/** The steps whose names hold every word and that the adapter can run, and in sensible time. */
export const chosenSteps = (
  words: readonly string[],
  { isSoftware, features }: Pick<Engine, 'isSoftware' | 'features'>,
) =>
  steps.filter(
    (work) =>
      chosen(words)(work) &&
      !(work.gpuOnly && isSoftware) &&
      !(work.baseline && !isSoftware) &&
      !(work.half && !features.has('shader-f16')),
  )

/** Whether any step, or any row, has a name with these words. */
export const anyStep = (words: readonly string[]) => steps.some(chosen(words))
export const anyChosen = (words: readonly string[]) => anyStep(words) || groups.flat().some(chosen(words))

/** First steps that are measured: the training steps of each model at its smallest. */
const isColdWork = ({ mode, batch, half, baseline }: StepWork) => mode === 'train' && batch <= 4 && !half && !baseline

/** Runs what `scope` chooses. */
export async function runWhole({ words, log, kernelLog = log, seconds = 6 }: Scope): Promise<WholeResults> {
  const engine = await init()
  const { adapterName: adapter, isSoftware } = engine
  const works = chosenSteps(words, engine)
  const file = slug(engine)
  console.log(`${adapter}${isSoftware ? ' (a software adapter)' : ''}`)
  const results: WholeResults = {
    adapter,
    ...origin(),
    ceilings: { gflops: 0, gbs: 0, cachedGbs: 0 },
    kernels: [],
    steps: [],
    cold: [],
    failed: log.failed,
  }
  const others = watchOthers()
  const save = () => (words.length ? Promise.resolve() : writeResults(file, results))
  await kernelLog.attempt('kernels', () => kernelPart(engine, results, words, kernelLog))
  engine.dispose()
  await save()

  for (const work of works) {
    await log.attempt(work.name, async () => {
      results.steps.push(await time(work, seconds))
      progress(`${work.name}: ${short(results.steps.at(-1)!.ms)} ms`)
    })
  }
  results.otherCores = others()
  if (results.otherCores > 0.3)
    progress(`other processes kept ${short(results.otherCores)} cores busy: these times are worth little`)
  if (results.steps.length) {
    print(stepTable(results.steps))
    await save()
  }
  for (const work of words.length ? [] : works.filter(isColdWork)) {
    await log.attempt(`first step of ${work.name}`, async () => {
      results.cold.push(await coldStart(work))
    })
  }
  if (results.cold.length) {
    print(coldTable(results.cold))
    await save()
  }
  return results
}

async function kernelPart(engine: Engine, results: WholeResults, words: readonly string[], log: Log): Promise<void> {
  const works = groups.map((group) => group.filter(chosen(words)))
  if (!works.some((group) => group.length)) return
  check(engine.features.has('timestamp-query'), 'not timed, this adapter has no timestamp-query')
  const meter = await CeilingMeter.make()
  const rows = await measureAll(engine, meter, works, { turns: words.length ? 8 : 2, log })
  results.ceilings = meter.best
  results.kernels = rows
  print(kernelTable(rows))
  const checked = rows.filter((row) => row.error !== null)
  console.log(
    `Ceilings: ${short(meter.best.gflops)} GFLOPS, ${short(meter.best.gbs)} GB/s (${short(meter.best.cachedGbs)} within a cache).` +
      (checked.length
        ? ` Checked before timing: errors up to ${Math.max(...checked.map((row) => row.error!)).toExponential(1)}.`
        : '') +
      (checked.length < rows.length
        ? ` ${rows.length - checked.length} rows have one kernel here and nothing to compare with: 'npm test -- ops' does.`
        : ''),
  )
}
