// Runs the program as a user does: in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Finished {
  code: number | null
  stdout: string
  /** Without the warnings that Dawn and the Vulkan loader write. */
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  /** Called once, when stdout first matches `when`. */
  when?: RegExp
  then?: (child: ChildProcess) => void
  /** Milliseconds until SIGKILL. */
  killAfter?: number
}

export function radiograd(
  args: readonly string[],
  { env, when, then, killAfter = Infinity }: RunOptions = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } })
  const timer = Number.isFinite(killAfter) ? setTimeout(() => child.kill('SIGKILL'), killAfter) : undefined
  let stdout = ''
  let stderr = ''
  let waiting = when
  child.stdout.on('data', (text) => {
    stdout += text
    if (!waiting?.test(stdout)) return
    waiting = undefined
    then?.(child)
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    const own = () => stderr.replace(/^(Warning: .*|\s+at .*|)\n/gm, '')
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr: own() })
    })
  })
}

const folders: string[] = []
process.on('exit', () => {
  for (const dir of folders) rmSync(dir, { recursive: true, force: true })
})

/** A folder that is gone when the process ends. */
export function scratch(): string {
  folders.push(mkdtempSync(join(tmpdir(), 'radiograd-test-')))
  return folders.at(-1)!
}
