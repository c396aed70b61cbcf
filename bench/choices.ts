// What the tuner chooses on this adapter, kept in bench/results/<adapter>-choices.json; and the choices the package
// ships, made from those files.
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../src/index.js'
import type { Finding } from '../src/tune/search.js'
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
  findings: Finding[]
}

const ENDING = '-choices'
/**
 * A choice ships when it takes at most this share of the usual one's time. On software adapters each kernel more is
 * compiled for up to half a second, so a choice must be worth it.
 */
const WORTH = { gpu: 0.9, software: 0.7 }

/**
 * Measures the candidates of every kernel family in the given steps, writes what was found if it is to be kept, and
 * disposes the engine.
 */
export async function measureChoices(
  engine: Engine,
  works: readonly StepWork[],
  { log, keep }: { log: Log; keep: boolean },
): Promise<void> {
  const findings: Finding[] = []
  for (const work of works) {
    await log.attempt(`choices for ${work.name}`, async () => {
      const onFinding = ({ key, name, ms }: Finding) => progress(`${key}: ${name}, ${short(ms ?? NaN)} ms`)
      findings.push(...(await engine.tune(build(work), { onFinding })))
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
    findings,
  }
  await writeResults(`${slug(engine)}${ENDING}`, results)
}

/** Writes src/tune/shipped.ts. */
export async function ship(): Promise<void> {
  await writeFile(
    fileURLToPath(new URL('../../src/tune/shipped.ts', import.meta.url)),
    shippedSource(await readChoices()),
  )
  console.log('wrote src/tune/shipped.ts')
}

export async function readChoices(): Promise<ChoiceResults[]> {
  const files = (await resultNames()).filter((name) => name.endsWith(ENDING))
  return Promise.all(files.map(async (name) => (await readResults<ChoiceResults>(name))!))
}

/** What shipped.ts holds. */
export function shippedSource(results: readonly ChoiceResults[]): string {
  const adapters = results.flatMap(({ shipsAs, isSoftware, findings }) => {
    const worth = isSoftware ? WORTH.software : WORTH.gpu
    const lines = findings
      .filter(({ name, usual, ms, usualMs }) => name !== usual && ms! <= worth * usualMs!)
      .map(({ key, name }) => `    '${key}': '${name}',\n`)
      .sort()
    return lines.length ? [`  '${shipsAs}': {\n${lines.join('')}  },\n`] : []
  })
  return (
    '// Choices for adapters that were measured beforehand, where they differ enough from the usual ones: made by `npm run bench -- --ship` from\n' +
    '// bench/results/*-choices.json, which `npm run bench -- --choices` measures.\n\n' +
    `export const shipped: Readonly<Record<string, Readonly<Record<string, string>>>> = {${adapters.length ? `\n${adapters.join('')}` : ''}}\n`
  )
}
