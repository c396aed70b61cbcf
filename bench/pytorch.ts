// PyTorch on this machine, where Python has it: bench/peers/torch_bench.py prints a line of JSON per work, kept in
// bench/results/pytorch-<device>.json.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { origin, writeResults } from './results.js'
import { columns, print, progress, short } from './stats.js'

export interface PytorchRow {
  work: string
  /** f32, tf32 or amp. */
  precision: string
  ms: number
  minMs: number
  /** Images a batch holds, for steps. */
  batch?: number
}

export interface PytorchResults {
  device: string
  name: string
  torch: string
  threads: number
  date: string
  rows: PytorchRow[]
}

const PYTHONS = ['python3', '/usr/bin/python3', 'python']

/** The first Python that has torch. */
function python(): string | null {
  const candidates = process.env.RADIOGRAD_PYTHON ? [process.env.RADIOGRAD_PYTHON] : PYTHONS
  return (
    candidates.find(
      (name) => spawnSync(name, ['-c', 'import torch'], { stdio: 'ignore', timeout: 120_000 }).status === 0,
    ) ?? null
  )
}

/**
 * OpenBLAS, which Debian's torch computes with, takes its slowest kernels on a processor newer than itself; so it is
 * told what it has.
 */
function openblas(): Record<string, string> {
  let flags = ''
  try {
    flags = readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    /* not Linux */
  }
  return flags.includes('avx512f')
    ? { OPENBLAS_CORETYPE: 'SkylakeX' }
    : flags.includes('avx2')
      ? { OPENBLAS_CORETYPE: 'Haswell' }
      : {}
}

export async function runPytorch({
  words,
  until = Infinity,
}: {
  words: readonly string[]
  until?: number
}): Promise<void> {
  const command = python()
  if (!command) {
    console.log('PyTorch: skipped, no Python here imports torch (RADIOGRAD_PYTHON names another)')
    return
  }
  const script = fileURLToPath(new URL('../../bench/peers/torch_bench.py', import.meta.url))
  const child = spawn(command, [script, ...words], {
    env: { ...openblas(), ...process.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const timer = until < Infinity ? setTimeout(() => child.kill(), Math.max(0, until - performance.now())) : undefined
  let results: PytorchResults | null = null
  const save = () => (results && !words.length ? writeResults(`pytorch-${results.device}`, results) : Promise.resolve())
  const ended = new Promise<number | null>((done) => child.on('close', done))
  for await (const line of createInterface(child.stdout)) {
    const parsed = JSON.parse(line)
    if (!results) results = { ...parsed, date: origin().date, rows: [] } as PytorchResults
    else if (parsed.failed) progress(`PyTorch ${parsed.work} ${parsed.precision}: FAILED, ${parsed.failed}`)
    else {
      results.rows.push(parsed)
      progress(`PyTorch ${parsed.work} ${parsed.precision}: ${short(parsed.ms)} ms`)
    }
  }
  const code = await ended
  clearTimeout(timer)
  await save()
  if (results) {
    print(
      columns([
        [
          `PyTorch ${results.torch}, ${results.name}${results.threads ? `, ${results.threads} threads` : ''}`,
          '',
          'ms',
          'best',
        ],
        ...results.rows.map((row) => [row.work, row.precision, short(row.ms), short(row.minMs)]),
      ]),
    )
  }
  if (code !== 0)
    console.log(
      `PyTorch: ${code === null ? 'time was up' : `ended with exit code ${code}`} after ${results?.rows.length ?? 0} works`,
    )
}
