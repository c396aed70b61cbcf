// stdout and stderr when whoever read them is gone (`| head`), or their disk is full.
import { gpu } from '../gpu/gpu.js'

let goesOn = false
let ended = false

/** Whether the work was ended because nobody can read what it says: what it then throws is no news. */
export const endedUnread = (): boolean => ended

/** For commands that leave files: they finish their work although nobody reads what they say of it. */
export function goOnUnread(): void {
  goesOn = true
}

/**
 * Takes the errors of both streams. A reader that has seen enough is no failure; output that is lost for another reason
 * is one, with exit code 1.
 */
export function guardOutput(): void {
  process.stderr.on('error', () => {})
  process.stdout.on('error', () => {})
  process.stdout.once('error', ({ code, message }: NodeJS.ErrnoException) => {
    const failed = code !== 'EPIPE'
    if (failed) process.exitCode = 1
    if (failed || goesOn) {
      const what = failed ? `must be writable, got ${code ?? message}` : 'nobody reads it any more'
      process.stderr.write(`radiograd: stdout: ${what}${goesOn ? '; the work goes on' : ''}\n`)
    }
    if (!goesOn) end()
  })
}

/**
 * Ends what runs by closing the device: to exit beside a driver that still works can crash in its own exit handlers.
 */
function end(): void {
  ended = true
  try {
    gpu.close()
  } catch {
    process.exit() // there is no device
  }
}
