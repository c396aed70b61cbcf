// Dawn's two lines about lavapipe's limits ("artificially reduced"). They mean nothing, come from native code on
// standard error whenever an adapter is asked for, and have no switch.
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isatty } from 'node:tty'

const STDERR = 2

/**
 * Runs `ask` without those lines: native output goes to a file meanwhile, and all else of it is written on afterwards.
 * Only for a terminal or a pipe on Linux: a file or a socket cannot be opened once more at the place where it stands.
 */
export function withoutLimitWarnings<T>(ask: () => T): T {
  const kept = openAgain()
  if (kept < 0) return ask()
  const folder = mkdtempSync(join(tmpdir(), 'radiograd-'))
  const file = join(folder, 'stderr')
  replaceStderr(file)
  try {
    return ask()
  } finally {
    replaceStderr(`/proc/self/fd/${kept}`)
    closeSync(kept)
    for (const line of readFileSync(file, 'utf8').split(/(?<=\n)/))
      if (!line.includes('artificially reduced')) writeSync(STDERR, line)
    rmSync(folder, { recursive: true })
  }
}

/** Standard error opened once more; -1 where that cannot be done. */
function openAgain(): number {
  if (process.platform !== 'linux') return -1
  try {
    return isatty(STDERR) || fstatSync(STDERR).isFIFO() ? openSync(`/proc/self/fd/${STDERR}`, 'w') : -1
  } catch {
    return -1 // closed, or another user's
  }
}

/** A file that is opened takes the lowest number that is free: the one closed just before. */
function replaceStderr(path: string): void {
  closeSync(STDERR)
  openSync(path, 'a')
}
