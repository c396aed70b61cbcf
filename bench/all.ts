// Everything for a machine with a GPU, whose time is short and which has no network: one command, files written as it
// goes along. What there is no time for and what fails is named at the end and stops nothing else.
import { init } from '../src/index.js'
import { measureChoices } from './choices.js'
import { type Profile, profile } from './profile.js'
import { runPytorch } from './pytorch.js'
import { origin, slug, writeResults } from './results.js'
import { Log, columns, percent, print, short } from './stats.js'
import { representatives } from './steps.js'
import { type WholeResults, runWhole } from './whole.js'

/** Shares of the time after which nothing of a part begins any more. */
const UNTIL = { choices: 0.2, kernels: 0.4, whole: 0.6, profiles: 0.7, pytorch: 0.9 }

export async function runAll(minutes: number): Promise<void> {
  const start = performance.now()
  const at = (share: number) => start + share * minutes * 60_000
  const log = new Log(at(1))
  const engine = await init()
  const { adapterName: adapter } = engine
  const file = slug(engine)
  const works = representatives(engine)

  // Choices first: everything after runs with them.
  await measureChoices(engine, works, { log: log.before(at(UNTIL.choices)), keep: true })

  const whole = await runWhole({
    words: [],
    log: log.before(at(UNTIL.whole)),
    kernelLog: log.before(at(UNTIL.kernels)),
    seconds: 3,
  })

  const profiles: Profile[] = []
  for (const work of works) {
    await log.before(at(UNTIL.profiles)).attempt(`profile of ${work.name}`, async () => {
      profiles.push(await profile(work))
    })
    await writeResults(`${file}-profile`, { adapter, ...origin(), profiles })
  }

  await log.before(at(UNTIL.pytorch)).attempt('PyTorch', () => runPytorch({ words: [], until: at(1) }))
  print(['', `${adapter}, ${((performance.now() - start) / 60_000).toFixed(1)} minutes`, ...summary(whole, profiles)])
  log.report()
}

function summary({ ceilings, kernels, steps }: WholeResults, profiles: readonly Profile[]): string[] {
  const furthest = [...kernels].sort((a, b) => a.share - b.share).slice(0, 5)
  return [
    ...columns([
      ['step', 'ms', 'images/s', 'of the peak', 'host'],
      ...steps.map((row) => [
        row.name,
        short(row.ms),
        short(row.imagesPerSecond),
        percent(row.gflops / ceilings.gflops),
        percent(row.hostMs / row.ms),
      ]),
    ]),
    `furthest from their ceilings: ${furthest.map((row) => `${row.work} ${row.part} ${percent(row.share)}`).join(', ') || '–'}`,
    `dearest in a step: ${profiles.map(({ name, kernels: [first] }) => `${name}: ${first.kernel} ${percent(first.share)}`).join('; ') || '–'}`,
  ]
}
