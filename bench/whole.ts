// The plain bench: kernels, then steps, then first steps. Prints tables; run whole it writes bench/results/<adapter>.json as it goes along.
import { type Engine, init } from '../src/index.js'
import { CeilingMeter, type Ceilings } from './ceilings.js'
import { type ColdRow, coldStart, coldTable } from './cold.js'
import { groups } from './kernels.js'
import { type KernelRow, kernelTable, measureAll, shareOf } from './measure.js'
import { origin, slug, writeResults } from './results.js'
import { short } from './stats.js'
import { type StepRow, stepTable, steps, time } from './steps.js'

/** What bench/results/<adapter>.json holds. */
export interface WholeResults {
  adapter: string
  date: string
  node: string
  ceilings: Ceilings
  kernels: (KernelRow & ReturnType<typeof shareOf>)[]
  steps: StepRow[]
  cold: ColdRow[]
}

export interface Scope {
  /** Rows whose name holds every word. */
  words: readonly string[]
  /** Nothing begins after this time (performance.now()). */
  until?: number
  /** Given to each step. */
  seconds?: number
}

const chosen = (words: readonly string[]) => ({ name }: { name: string }) => words.every((word) => name.toLowerCase().includes(word.toLowerCase()))

/** First steps that are measured: the training steps of each model at its smallest. */
const isColdWork = ({ mode, batch }: { mode: string; batch: number }) => mode === 'train' && batch <= 4

/** Runs what `scope` chooses. Returns names of what there was no time for. */
export async function runWhole({ words, until = Infinity, seconds = 6 }: Scope): Promise<{ results: WholeResults; skipped: string[] }> {
  const engine = await init()
  const { adapterName: adapter, isSoftware } = engine
  const file = slug(engine)
  console.log(`${adapter}${isSoftware ? ' (a software adapter)' : ''}`)
  const results: WholeResults = { adapter, ...origin(), ceilings: { gflops: 0, gbs: 0, cachedGbs: 0 }, kernels: [], steps: [], cold: [] }
  const save = () => (words.length ? Promise.resolve() : writeResults(file, results))
  const skipped = await kernelPart(engine, results, words, until)
  engine.dispose()
  await save()

  const works = steps.filter((work) => chosen(words)(work) && !(work.gpuOnly && isSoftware))
  for (const work of works) {
    if (performance.now() > until) {
      skipped.push(work.name)
      continue
    }
    results.steps.push(await time(work, seconds))
    progress(`${work.name}: ${short(results.steps.at(-1)!.ms)} ms`)
  }
  if (results.steps.length) {
    print(stepTable(results.steps))
    await save()
  }
  for (const work of words.length ? [] : works.filter(isColdWork)) {
    if (performance.now() > until) skipped.push(`first step of ${work.name}`)
    else results.cold.push(await coldStart(work))
  }
  if (results.cold.length) {
    print(coldTable(results.cold))
    await save()
  }
  return { results, skipped }
}

async function kernelPart(engine: Engine, results: WholeResults, words: readonly string[], until: number): Promise<string[]> {
  const works = groups.map((group) => group.filter(chosen(words)))
  if (!works.some((group) => group.length)) return []
  if (!engine.features.has('timestamp-query')) {
    console.log('kernels: not timed, this adapter has no timestamp-query')
    return []
  }
  const meter = await CeilingMeter.make()
  const { rows, skipped } = await measureAll(engine, meter, works, until)
  results.ceilings = meter.best
  results.kernels = rows.map((row) => ({ ...row, ...shareOf(row, meter.best) }))
  print(kernelTable(rows, meter.best))
  const checked = rows.filter((row) => row.error !== null)
  console.log(`Ceilings: ${short(meter.best.gflops)} GFLOPS, ${short(meter.best.gbs)} GB/s (${short(meter.best.cachedGbs)} within a MiB).` +
    (checked.length ? ` Checked before timing: errors up to ${Math.max(...checked.map((row) => row.error!)).toExponential(1)}.` : '') +
    (checked.length < rows.length ? ` ${rows.length - checked.length} rows have one kernel here and nothing to compare with: 'npm test -- ops' does.` : ''))
  return skipped
}

/** Whether any row has a name with these words. */
export const anyChosen = (words: readonly string[]) => [...groups.flat(), ...steps].some(chosen(words))

export function print(lines: readonly string[]): void {
  console.log(lines.join('\n'))
}

/** A line that is no result. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}
