// Ctrl-C while a command works.
import type { Report } from './report.js'

/** A command that was stopped by a signal; its exit code is the shell's for it. */
export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super('interrupted')
  }
}

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

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
