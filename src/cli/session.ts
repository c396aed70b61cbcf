// What surrounds a command's work: the engine, which ends with it, and Ctrl-C.
import { type Engine, init } from '../engine/index.js'
import { check } from '../util/check.js'
import type { CommonOptions } from './options.js'
import type { Report } from './report.js'

/** A command that was stopped by a signal; its exit code is the shell's for it. */
export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super('interrupted')
  }
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Runs `work` with a signal that the first Ctrl-C raises, for it to stop at the next good place; the second ends the
 * process at once. Throws `Interrupted` after the first. `soon` says what is still finished.
 */
export async function withSignals<T>(
  report: Report,
  soon: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  let exitCode = 0
  const stop = (name: NodeJS.Signals) => {
    if (abort.signal.aborted) process.exit(exitCode)
    exitCode = SIGNALS[name as keyof typeof SIGNALS]
    abort.abort()
    report.endProgress()
    process.stderr.write(`radiograd: stopping ${soon}; once more to quit at once\n`)
  }
  for (const name in SIGNALS) process.on(name, stop)
  try {
    const result = await work(abort.signal)
    if (exitCode) throw new Interrupted(exitCode)
    return result
  } finally {
    report.endProgress()
    for (const name in SIGNALS) process.off(name, stop)
  }
}

/**
 * Opens the adapter, says which, runs `work` and closes it, whatever happens. A Ctrl-C asks `work` to stop after the
 * current step.
 */
export function withEngine<T>(
  {
    adapter,
    seed = 0,
    dryRun,
    tune,
    report,
  }: { adapter: CommonOptions['adapter']; seed?: number; dryRun?: boolean; tune: boolean; report: Report },
  work: (engine: Engine, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withSignals(report, 'after this step', async (signal) => {
    const engine = await init({ seed, adapter, dryRun, tune })
    try {
      check(engine.adapterKind !== 'null', 'RADIOGRAD_ADAPTER: the null adapter computes nothing, got null')
      report.say(`adapter   ${describeAdapter(engine)}`)
      return await work(engine, signal)
    } finally {
      engine.dispose()
    }
  })
}

/** The adapter in one line; a software one is said loudly. */
export function describeAdapter({ adapterName, adapterKind, isSoftware }: Engine): string {
  if (!isSoftware) return adapterName
  return `${adapterName}, a SOFTWARE ADAPTER (${adapterKind}): the CPU does the GPU's work, expect it to be slow`
}
