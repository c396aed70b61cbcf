// What surrounds a command's work: the engine, which ends with it, and Ctrl-C.
import { type Engine, init } from '../tensor/engine.js'
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
 * Opens the adapter, says which, runs `work` and closes it, whatever happens. The first Ctrl-C asks `work` through its
 * signal to stop after the current step, the second ends the process at once.
 */
export async function withEngine<T>(
  { adapter, seed = 0, dryRun, report }: { adapter: CommonOptions['adapter']; seed?: number; dryRun?: boolean; report: Report },
  work: (engine: Engine, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController()
  let exitCode = 0
  const stop = (name: NodeJS.Signals) => {
    if (abort.signal.aborted) process.exit(exitCode)
    exitCode = SIGNALS[name as keyof typeof SIGNALS]
    abort.abort()
    report.endProgress()
    process.stderr.write('radiograd: stopping after this step; once more to quit at once\n')
  }
  for (const name in SIGNALS) process.on(name, stop)
  let engine: Engine | undefined
  try {
    engine = await init({ seed, adapter, dryRun })
    check(engine.adapterKind !== 'null', 'RADIOGRAD_ADAPTER: the null adapter computes nothing, got null')
    report.say(`adapter   ${describeAdapter(engine)}`)
    const result = await work(engine, abort.signal)
    if (exitCode) throw new Interrupted(exitCode)
    return result
  } finally {
    report.endProgress()
    engine?.dispose()
    for (const name in SIGNALS) process.off(name, stop)
  }
}

/** The adapter in one line; a software one is said loudly. */
export function describeAdapter({ adapterName, adapterKind, isSoftware }: Engine): string {
  if (!isSoftware) return adapterName
  return `${adapterName}, a SOFTWARE ADAPTER (${adapterKind}): the CPU does the GPU's work, expect it to be slow`
}
