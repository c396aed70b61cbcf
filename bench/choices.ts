// What the tuner chooses on this adapter, kept in bench/results/<adapter>-choices.json; and the choices the package
// ships, made from those files.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type FormatConfig, format } from 'oxfmt'
import type { Engine } from '../src/index.js'
import type { Measurement } from '../src/tune/measure.js'
import { origin, readResults, resultNames, slug, writeResults } from './results.js'
import { type Log, progress, short } from './stats.js'
import { type StepWork, build } from './steps.js'

export interface ChoiceResults {
  adapter: string
  isSoftware: boolean
  /** What the engine looks up. */
  shipsAs: string
  date: string
  node: string
  measurements: Measurement[]
}

const ENDING = '-choices'
const SHIPPED = fileURLToPath(new URL('../../src/tune/shipped.ts', import.meta.url))
const FORMAT = new URL('../../.oxfmtrc.json', import.meta.url)
/**
 * A choice ships when it takes at most this share of the default's time. On software adapters each kernel more is
 * compiled for up to half a second, so a choice must be worth it.
 */
const WORTH = { gpu: 0.9, software: 0.7 }

/**
 * Measures all implementations of every product and convolution in the given steps, writes what was found if it is to
 * be kept, and disposes the engine.
 */
export async function measureChoices(
  engine: Engine,
  works: readonly StepWork[],
  { log, keep }: { log: Log; keep: boolean },
): Promise<void> {
  const measurements: Measurement[] = []
  for (const work of works) {
    await log.attempt(`choices for ${work.name}`, async () => {
      const onMeasurement = ({ key, chosen, ms }: Measurement) => progress(`${key}: ${chosen}, ${short(ms)} ms`)
      measurements.push(...(await engine.tune(build(work), { onMeasurement })))
    })
  }
  engine.dispose()
  if (!keep) return
  const { adapterKind, adapterName: adapter, isSoftware } = engine
  const results: ChoiceResults = {
    adapter,
    isSoftware,
    shipsAs: adapterKind === 'gpu' ? adapter : adapterKind,
    ...origin(),
    measurements,
  }
  await writeResults(`${slug(engine)}${ENDING}`, results)
}

/** Writes src/tune/shipped.ts. */
export async function ship(): Promise<void> {
  await writeFile(SHIPPED, await shippedSource(await readChoices()))
  console.log('wrote src/tune/shipped.ts')
}

export async function readChoices(): Promise<ChoiceResults[]> {
  const files = (await resultNames()).filter((name) => name.endsWith(ENDING))
  return Promise.all(files.map(async (name) => (await readResults<ChoiceResults>(name))!))
}

/** What shipped.ts holds. */
export async function shippedSource(results: readonly ChoiceResults[]): Promise<string> {
  const adapters = results.flatMap(({ shipsAs, isSoftware, measurements }) => {
    const worth = isSoftware ? WORTH.software : WORTH.gpu
    const lines = measurements
      .filter(({ chosen, ms, default: usual, defaultMs }) => chosen !== usual && ms <= worth * defaultMs!)
      .map(({ key, chosen }) => `    '${key}': '${chosen}',\n`)
      .sort()
    return lines.length ? [`  '${shipsAs}': {\n${lines.join('')}  },\n`] : []
  })
  const source = `\
// Choices for adapters that were measured beforehand, where they are much faster than the default: made by
// \`npm run bench -- --ship\` from bench/results/*-choices.json, which \`npm run bench -- --choices\` measures.

export const shipped: Readonly<Record<string, Readonly<Record<string, string>>>> = {${adapters.join('')}}
`
  return (await format(SHIPPED, source, JSON.parse(await readFile(FORMAT, 'utf8')) as FormatConfig)).code
}
