// A folder on disk as a store. Every file in it is whole: written beside its place and renamed.
import { createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, readdirSync, realpathSync, rmSync, rmdirSync, statSync } from 'node:fs'
import { type Server, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { readIfThere, writeBytes } from '#platform/read'
import { RadiogradError } from '../util/check.js'
import { IN_USE, type Store } from './store.js'

/** What writing leaves behind when it is killed. */
const TEMPORARY = /\.[0-9a-f]{8}\.tmp$/

/**
 * The store of a folder, which is made when the first file is written, and again should somebody delete it.
 *
 * @param name what messages call it; the path when left out.
 * @throws RadiogradError where files could not be written.
 */
export function openFolder(dir: string, name = dir): Store {
  const refused = (error: unknown, where = '') =>
    new RadiogradError(
      `${name}: must be a folder that can be written, got ${(error as NodeJS.ErrnoException).code}${where}`,
    )
  let existing = resolve(dir)
  try {
    while (!statSync(existing, { throwIfNoEntry: false })) existing = dirname(existing)
    if (!statSync(existing).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
    accessSync(existing, constants.W_OK)
  } catch (error) {
    throw refused(error, ` at ${existing}`)
  }
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw refused(error)
    }
  }
  const list = (): string[] => {
    if (!statSync(dir, { throwIfNoEntry: false })) return []
    const entries = attempt(() => readdirSync(dir, { withFileTypes: true }))
    return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort()
  }
  /** Folders that were made for the first file, outermost first. */
  let made: string[] = []
  const make = () => {
    const first = mkdirSync(dir, { recursive: true })
    if (first === undefined) return
    made = [resolve(dir)]
    while (made[0] !== resolve(first)) made.unshift(dirname(made[0]))
  }
  return {
    name,
    read: (file) => readIfThere(join(dir, file), Infinity),
    async write(file, bytes) {
      attempt(make)
      await writeBytes(join(dir, file), bytes)
    },
    list: async () => list(),
    async remove(file) {
      attempt(() => rmSync(join(dir, file), { force: true }))
      if (made.length === 0 || list().length > 0) return
      try {
        for (; made.length > 0; made.pop()) rmdirSync(made.at(-1)!)
      } catch {
        // not empty: somebody else has put something there
      }
    },
    async lock() {
      const real = join(realpathSync(existing), resolve(dir).slice(existing.length))
      const server = await claim(real)
      if (!server) throw new RadiogradError(`${name}: ${IN_USE}`)
      for (const file of list()) if (TEMPORARY.test(file)) attempt(() => rmSync(join(dir, file), { force: true }))
      return () => new Promise((released) => server.close(() => released()))
    },
  }
}

/**
 * A name that one process of this machine has at a time, held by listening on it: the system frees it when the process
 * ends, however it ends. Null where another has it.
 */
async function claim(path: string): Promise<Server | null> {
  const key = `radiograd-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`
  // Only Linux knows names without a file. A socket's file outlives its process, but then nobody answers.
  const file = join(tmpdir(), `${key}.sock`)
  const address = { linux: `\0${key}`, win32: `\\\\.\\pipe\\${key}` }[process.platform as string] ?? file
  const server = await listen(address)
  if (server || address !== file || (await answers(file))) return server
  rmSync(file, { force: true })
  return listen(file)
}

function listen(address: string): Promise<Server | null> {
  return new Promise((done, failed) => {
    const server = createServer()
    server.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? done(null) : failed(error)))
    server.listen(address, () => done(server.unref()))
  })
}

function answers(file: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(file)
    socket.on('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.on('error', () => done(false))
  })
}
