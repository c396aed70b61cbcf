// Runs the program as a user does: in a process of its own.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Finished {
  code: number | null
  stdout: string
  /** Without the warnings that Dawn's native part writes. */
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  /** Shell commands before it, such as a limit. */
  before?: string
  /** Sees what stdout has so far, and may send a signal. */
  watch?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void
}

export function radiograd(args: readonly string[], { env, before, watch }: RunOptions = {}): Promise<Finished> {
  const options = { env: { ...process.env, ...env } }
  const child = before
    ? spawn('bash', ['-c', `${before}; exec "$@"`, 'bash', process.execPath, main, ...args], options)
    : spawn(process.execPath, [main, ...args], options)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
    watch?.(stdout, (signal) => child.kill(signal))
  })
  child.stderr.on('data', (text) => { stderr += text })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    const own = () => stderr.replace(/^Warning: .* artificially reduced .*\n/gm, '')
    child.on('close', (code) => resolve({ code, stdout, stderr: own() }))
  })
}

/** A folder that is gone when the process ends. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'radiograd-test-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  return dir
}
