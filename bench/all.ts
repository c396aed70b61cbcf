// Everything for a machine with a GPU, whose time is short and which has no network: one command, files written as it goes along, what
// there is no time for named at the end.
import { init } from '../src/index.js'
import type { Finding } from '../src/tune/search.js'
import { type Profile, profile } from './profile.js'
import { runPytorch } from './pytorch.js'
import { origin, slug, writeResults } from './results.js'
import { columns, percent, short } from './stats.js'
import { build, modelNames, representative } from './steps.js'
import { print, progress, runWhole } from './whole.js'

export async function runAll(minutes: number): Promise<void> {
  const start = performance.now()
  /** The time at which this share of the budget is gone. */
  const at = (share: number) => start + share * minutes * 60_000
  const skipped: string[] = []
  const engine = await init()
  const [adapter, file, isSoftware] = [engine.adapterName, slug(engine), engine.isSoftware]

  // Choices first: everything after runs with them.
  const findings: Finding[] = []
  for (const model of engine.features.has('timestamp-query') ? modelNames : []) {
    if (performance.now() > at(0.2)) skipped.push(`choices for ${model}`)
    else findings.push(...(await engine.tune(build(representative(model, isSoftware)), { onFinding: ({ key, name, ms }) => progress(`${key}: ${name}, ${short(ms ?? NaN)} ms`) })))
    await writeResults(`${file}-choices`, { adapter, ...origin(), findings })
  }
  engine.dispose()

  const whole = await runWhole({ words: [], until: at(0.6), seconds: 3 })
  skipped.push(...whole.skipped)

  const profiles: Profile[] = []
  for (const model of modelNames) {
    if (performance.now() > at(0.7)) {
      skipped.push(`profile of ${model}`)
      continue
    }
    profiles.push(await profile(representative(model, isSoftware)))
    await writeResults(`${file}-profile`, { adapter, ...origin(), profiles })
  }

  if (performance.now() > at(0.9)) skipped.push('PyTorch')
  else await runPytorch({ words: [], until: at(1) })

  const { ceilings, kernels, steps } = whole.results
  print(['', `${adapter}, ${((performance.now() - start) / 60_000).toFixed(1)} minutes`, ...columns([
    ['step', 'ms', 'images/s', 'of the peak', 'host'],
    ...steps.map((row) => [row.name, short(row.ms), short(row.imagesPerSecond), percent(row.gflops / ceilings.gflops), percent(row.hostMs / row.ms)]),
  ])])
  const worst = [...kernels].sort((a, b) => a.share - b.share).slice(0, 5)
  if (worst.length) print(['furthest from their ceilings: ' + worst.map((row) => `${row.work} ${row.part} ${percent(row.share)}`).join(', ')])
  print(['dearest in a step: ' + profiles.map(({ name, kernels: [k] }) => `${name}: ${k.kernel} ${percent(k.share)}`).join('; ')])
  if (skipped.length) print([`no time left for: ${skipped.join('; ')}`])
}
