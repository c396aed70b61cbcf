// The folder a run writes into. Every file there is whole: written beside its place and renamed.
import { accessSync, constants, mkdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { RadiogradError } from '../util/check.js'
import { writeBytes } from '#platform/read'

const TABLES = ['history.csv', 'metrics.json', 'run.json']

export class OutputFolder {
  private started = false

  /** Throws, naming the flag, where files could not be written. Makes nothing yet. */
  constructor(readonly dir: string) {
    let existing = resolve(dir)
    try {
      while (!statSync(existing, { throwIfNoEntry: false })) existing = dirname(existing)
      if (!statSync(existing).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
      accessSync(existing, constants.W_OK)
    } catch (error) {
      throw this.refused(error, ` at ${existing}`)
    }
  }

  path(name: string): string {
    return join(this.dir, name)
  }

  /** Makes the folder at the first use, and clears what an earlier run has said of its own results. */
  prepare(): void {
    if (this.started) return
    try {
      mkdirSync(this.dir, { recursive: true })
      for (const name of TABLES) rmSync(this.path(name), { force: true })
    } catch (error) {
      throw this.refused(error)
    }
    this.started = true
  }

  private refused(error: unknown, where = ''): RadiogradError {
    const { code } = error as NodeJS.ErrnoException
    return new RadiogradError(`--out ${this.dir}: must be a folder that can be written, got ${code}${where}`)
  }

  async writeText(name: string, text: string): Promise<void> {
    this.prepare()
    await writeBytes(this.path(name), new TextEncoder().encode(text))
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await this.writeText(name, `${JSON.stringify(value, null, 2)}\n`)
  }
}
