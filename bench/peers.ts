// TensorFlow.js and jax-js on the same adapter as ours, each work in a process of its own, in turns (A B C, A B C, …):
// load that comes and goes meets all alike. What they compute is compared with our results, which the test suite
// compares with PyTorch's.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { init } from '../src/index.js'
import { check } from '../src/util/check.js'
import { EMPTY_CACHE } from './cold.js'
import { origin, readResults, slug, writeResults } from './results.js'
import { columns, median, print, progress, short } from './stats.js'

/** One process' line. */
interface Line {
  peer: string
  work: string
  firstMs?: number
  ms?: number
  minMs?: number
  runs?: number
  error?: number
  correct?: boolean
  failed?: string
}

export interface PeerRow {
  work: string
  peer: string
  ms: number | null
  minMs: number | null
  /** Its time over ours, round by round. */
  ratios: number[]
  correct: boolean | null
  error: number | null
  note?: string
  /** Where it was measured apart from the others. */
  date?: string
}

export interface PeerResults {
  adapter: string
  /** Of bench/results, without its ending. */
  file: string
  date: string
  node: string
  versions: Record<string, string>
  /** At most; long works have fewer. */
  rounds: number
  rows: PeerRow[]
  /** First step or call in a fresh process on an empty driver cache, ms. */
  cold: { work: string; peer: string; ms: number | null }[]
}

const folder = fileURLToPath(new URL('../../bench/peers/', import.meta.url))
const SCRIPTS = { radiograd: 'ours.mjs', 'TensorFlow.js': 'tfjs.mjs', 'jax-js': 'jaxjs.mjs' }
const ROUNDS = 3
/** Works whose rounds take longer have two. */
const LONG_MS = 60_000
const LIMIT_S = 150
const COLD = ['resnet18.train.b4.64', 'vit_tiny.train.b2']
/** What jax-js is not asked for. */
const NO_ROW = 'has no row for networks of depthwise convolutions'
const LEFT_OUT: Record<string, string> = {
  ...Object.fromEntries(
    ['depthwise', 'squeezeExcite'].flatMap((name) =>
      ['forward', 'forward+backward'].map((part) => [`${name}.${part}`, NO_ROW]),
    ),
  ),
  'resnet18.train.b4.224': 'compiles for minutes, and its gradient is wrong at 224 px',
}

export const peerNames = [
  'matmul1024',
  'conv.forward',
  'conv.dX',
  'conv.dW',
  'depthwise.forward',
  'depthwise.forward+backward',
  'squeezeExcite.forward',
  'squeezeExcite.forward+backward',
  'attention.forward',
  'attention.forward+backward',
  'layerNorm.forward',
  'layerNorm.forward+backward',
  'batchNorm.forward',
  'batchNorm.forward+backward',
  'gelu.forward',
  'gelu.forward+backward',
  'adam.11M',
  'resnet18.infer.b1',
  'resnet18.infer.b4',
  'resnet18.train.b4.64',
  'resnet18.train.b4.224',
  'vit_tiny.infer.b1',
  'vit_tiny.train.b2',
]

/** Works that hold any of the words; all without words. */
export const chosenWorks = (words: readonly string[]) =>
  peerNames.filter((name) => !words.length || words.some((word) => name.includes(word)))

/** Installs what package-lock.json pins and bundles TensorFlow.js, whose modules Node cannot load as they are. */
async function install(): Promise<Record<string, string>> {
  if (!existsSync(join(folder, 'node_modules/@jax-js/jax'))) {
    progress('installing the peers into bench/peers/node_modules')
    const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    check(status === 0, `peers: npm ci failed in bench/peers`)
  }
  const packages = [
    '@tensorflow/tfjs-core',
    '@tensorflow/tfjs-core/dist/register_all_gradients.js',
    '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js',
    '@tensorflow/tfjs-backend-webgpu',
  ]
  const contents = `${packages.map((name) => `import '${name}'`).join('\n')}\nexport * as tf from '@tensorflow/tfjs-core'`
  const { build } = await import('esbuild')
  await build({
    stdin: { contents, resolveDir: folder },
    outfile: join(folder, 'build/tf.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    mainFields: ['module', 'main'],
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  })
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>
  }
  return {
    'TensorFlow.js': lock.packages['node_modules/@tensorflow/tfjs-core'].version,
    'jax-js': lock.packages['node_modules/@jax-js/jax'].version,
  }
}

/** Runs a script's process within the time limit. */
function child(
  peer: keyof typeof SCRIPTS,
  place: string,
  work: string,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<Line> {
  return new Promise((done) => {
    const started = spawn(process.execPath, [join(folder, SCRIPTS[peer]), place, work, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const timer = setTimeout(() => started.kill('SIGKILL'), LIMIT_S * 1000)
    let [output, errors] = ['', '']
    started.stdout.on('data', (chunk) => {
      output += chunk
    })
    started.stderr.on('data', (chunk) => {
      errors += chunk
    })
    started.on('close', (code, signal) => {
      clearTimeout(timer)
      const line = output.split('\n').find((text) => text.startsWith('{"peer"'))
      if (line) done(JSON.parse(line))
      else if (code === 0) done({ peer, work })
      else
        done({
          peer,
          work,
          failed: signal
            ? `stopped after ${LIMIT_S} s`
            : (errors
                .trim()
                .split('\n')
                .filter((text) => !text.startsWith('Warning'))
                .at(-1) ?? `exit code ${code}`),
        })
    })
  })
}

const peersOf = (work: string) =>
  (Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[]).filter((peer) => peer !== 'jax-js' || !(work in LEFT_OUT))

/** Measures the works that hold any of the words. */
export async function comparePeers(words: readonly string[]): Promise<PeerResults> {
  const versions = await install()
  const engine = await init()
  engine.dispose()
  const results: PeerResults = {
    adapter: engine.adapterName,
    file: `peers-${slug(engine)}`,
    ...origin(),
    versions,
    rounds: ROUNDS,
    rows: [],
    cold: [],
  }
  const place = mkdtempSync(join(tmpdir(), 'radiograd-peers-'))
  try {
    for (const work of chosenWorks(words)) {
      const { failed } = await child('radiograd', place, work, { args: ['--write'] })
      check(!failed, `peers: no reference for ${work}: ${failed}`)
      const lines: Line[][] = []
      const start = performance.now()
      for (let round = 0; round < (round && performance.now() - start > round * LONG_MS ? 2 : ROUNDS); round++) {
        const turn: Line[] = []
        for (const peer of peersOf(work)) turn.push(await child(peer, place, work))
        lines.push(turn)
        progress(`${work}: ${turn.map((line) => `${line.peer} ${line.failed ?? `${short(line.ms!)} ms`}`).join(', ')}`)
      }
      results.rows.push(...summed(work, lines))
      if (!COLD.includes(work)) continue
      for (const peer of peersOf(work))
        results.cold.push({ work, peer, ms: (await child(peer, place, work, { env: EMPTY_CACHE })).firstMs ?? null })
    }
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
  return results
}

export async function runPeers(words: readonly string[]): Promise<void> {
  const { file, ...results } = await comparePeers(words)
  const before = words.length ? await readResults<typeof results>(file) : null
  await writeResults(file, before ? withRows(before, results) : results)
  print(
    columns([
      ['work', 'engine', 'ms', 'best', 'its time / ours, by round', 'error'],
      ...results.rows.map((row) => [
        row.work,
        row.peer,
        row.ms === null ? '–' : short(row.ms),
        row.minMs === null ? '–' : short(row.minMs),
        row.ratios.map((ratio) => `${short(ratio)}×`).join(' '),
        row.note ?? (row.correct ? row.error!.toExponential(1) : `WRONG by ${row.error?.toExponential(1)}`),
      ]),
      ...results.cold.map(({ work, peer, ms }) => [
        `${work}, first step`,
        peer,
        ms === null ? '–' : short(ms),
        '',
        '',
        '',
      ]),
    ]),
  )
}

/** What was there, with the works that were measured again, each with its date. */
export function withRows<T extends Pick<PeerResults, 'date' | 'rows' | 'cold'>>(before: T, now: T): T {
  const again = new Set(now.rows.map(({ work }) => work))
  const place = ({ work }: { work: string }) => peerNames.indexOf(work)
  const merged = <R extends { work: string }>(old: readonly R[], rows: readonly R[]): R[] =>
    [...old.filter(({ work }) => !again.has(work)), ...rows].sort((a, b) => place(a) - place(b))
  const rows = now.rows.map((row) => ({ ...row, date: now.date }))
  return { ...before, rows: merged(before.rows, rows), cold: merged(before.cold, now.cold) }
}

/** Rounds of one work as a row for each peer. */
export function summed(work: string, rounds: readonly (readonly Line[])[]): PeerRow[] {
  const peers = [...new Set(rounds.flat().map((line) => line.peer))]
  const timeOf = (turn: readonly Line[], peer: string) => turn.find((line) => line.peer === peer)?.ms
  const rows = peers.map((peer): PeerRow => {
    const lines = rounds.flat().filter((line) => line.peer === peer)
    const times = lines.flatMap((line) => line.ms ?? [])
    const failure = lines.find((line) => line.failed)?.failed
    const errors = lines.flatMap((line) => line.error ?? [])
    return {
      work,
      peer,
      ms: times.length ? median(times) : null,
      minMs: times.length ? Math.min(...lines.flatMap((line) => line.minMs ?? [])) : null,
      ratios:
        peer === 'radiograd'
          ? []
          : rounds.flatMap((turn) => {
              const [a, b] = [timeOf(turn, peer), timeOf(turn, 'radiograd')]
              return a && b ? [a / b] : []
            }),
      correct: errors.length ? lines.every((line) => line.failed || line.correct) : null,
      error: errors.length ? Math.max(...errors) : null,
      ...(failure && { note: failure }),
    }
  })
  if (work in LEFT_OUT)
    rows.push({
      work,
      peer: 'jax-js',
      ms: null,
      minMs: null,
      ratios: [],
      correct: null,
      error: null,
      note: `left out: ${LEFT_OUT[work]}`,
    })
  return rows
}
