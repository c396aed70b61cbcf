// Where results lie: bench/results/<name>.json, or the folder that RADIOGRAD_BENCH_RESULTS names. Numbers have four
// digits.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Engine } from '../src/index.js'

const { RADIOGRAD_BENCH_RESULTS: elsewhere } = process.env
const folder = elsewhere ? pathToFileURL(`${elsewhere}/`) : new URL('../../bench/results/', import.meta.url)

/** What an adapter's files are called: `lavapipe`, `nvidia-h100`, … */
export function slug({ adapterKind, adapterName }: Pick<Engine, 'adapterKind' | 'adapterName'>): string {
  return adapterKind === 'gpu' ? adapterName.replace(/\W+/g, '-').replace(/^-|-$/g, '').toLowerCase() : adapterKind
}

/** What every file says of its origin. */
export function origin(): { date: string; node: string } {
  return { date: new Date().toISOString().slice(0, 10), node: process.version }
}

/** Starts watching other processes: the function it returns tells how many cores they have used on average since. */
export function watchOthers(): () => number {
  const now = () => {
    const { user, system } = process.cpuUsage()
    const busy = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
    return { others: busy - (user + system) / 1000, time: performance.now() }
  }
  const start = now()
  return () => {
    const end = now()
    return Math.max(0, (end.others - start.others) / (end.time - start.time))
  }
}

export async function writeResults(name: string, content: object): Promise<void> {
  await mkdir(folder, { recursive: true })
  const text = JSON.stringify(
    content,
    (_, v) => (typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(4)) : v),
    1,
  )
  const file = fileURLToPath(new URL(`${name}.json`, folder))
  await writeFile(file, `${text}\n`)
  console.log(`wrote ${relative(process.cwd(), file)}`)
}

/** A file's content, or null when there is none. */
export async function readResults<T>(name: string): Promise<T | null> {
  const text = await readFile(new URL(`${name}.json`, folder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : (JSON.parse(text) as T)
}

/** Names of the files there are, sorted. */
export async function resultNames(): Promise<string[]> {
  const files = await readdir(folder).catch(() => [])
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -5))
    .sort()
}
