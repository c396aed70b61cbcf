// Runs a fuzzing campaign: a worker reads input after input, this thread watches its time and the memory, and stops and
// starts it again where it hangs or dies.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { RadiogradError } from '../../src/util/check.js'
import type { Campaign } from './campaign.js'

export interface FuzzOptions {
  /** How many inputs, from which number on. */
  count: number
  from?: number
  /** Folder for inputs that were accepted, with what was read of them, for `reference.py`; none are kept by default. */
  keep?: string
}

/** What a campaign found. */
export interface FuzzResult {
  tried: number
  accepted: number
  refused: number
  /** The slowest input in milliseconds of the clock. */
  slowest: number
  /** The highest memory of the process above what it was before an input, in MiB. */
  highest: number
  /** `kind: text` with a number of an input and how often it came. */
  findings: { kind: string; text: string; index: number; times: number }[]
}

/** Of the processor's time: on a busy machine the clock says nothing. */
const HANG_MS = 2000
const KILL_MS = 10_000
/** On the clock: what waits for ever takes no time of the processor. */
const WAIT_MS = 300_000
const MOST_MIB = 512
const WATCH_MS = 20
const MOST_CHARACTERS = 300
const MOST_RESTARTS = 50

type Message =
  | { kind: string; text: string; index: number }
  | { tried: number; accepted: number; refused: number; done: boolean }

interface Job extends Required<Omit<FuzzOptions, 'keep'>> {
  name: string
  keep: string | undefined
  /** Number of the input, its start in ms of the clock, memory before it in MiB, whether it is being read. */
  shared: SharedArrayBuffer
}

const rss = () => Math.round(process.memoryUsage.rss() / 2 ** 20)

/** Runs inputs `from` to `from + count` of `test/fuzz/<name>.ts`. */
export async function fuzz(name: string, { count, from = 0, keep }: FuzzOptions): Promise<FuzzResult> {
  const result: FuzzResult = { tried: 0, accepted: 0, refused: 0, slowest: 0, highest: 0, findings: [] }
  const note = (kind: string, index: number, text: string) => {
    const alike = (other: string) => other.replace(/\d+/g, '#')
    const known = result.findings.find((f) => f.kind === kind && alike(f.text) === alike(text))
    if (known) known.times++
    else result.findings.push({ kind, text, index, times: 1 })
  }
  let next = from
  for (let starts = 0; next < from + count && starts <= MOST_RESTARTS; starts++) {
    const shared = new SharedArrayBuffer(16)
    const now = new Int32Array(shared)
    const job: Job = { name, count: from + count - next, from: next, keep, shared }
    const worker = new Worker(new URL(import.meta.url), {
      workerData: job,
      resourceLimits: { maxOldGenerationSizeMb: 2048 },
    })
    next = await new Promise<number>((resolve) => {
      const began = Date.now()
      let hung = -1
      /** The input that is being read, and the processor's time when it was first seen. */
      let seen = -1
      let cpu = process.cpuUsage()
      const stop = (at: number) => {
        clearInterval(timer)
        void worker.terminate().then(() => resolve(at))
      }
      const timer = setInterval(() => {
        const [index, start, before, reading] = now
        if (!reading) return
        if (index !== seen) {
          seen = index
          cpu = process.cpuUsage()
        }
        const { user, system } = process.cpuUsage(cpu)
        const ms = (user + system) / 1000
        const waits = Date.now() - began - start > WAIT_MS
        if ((ms > HANG_MS || waits) && hung !== index) note('hang', (hung = index), `over ${HANG_MS} ms`)
        result.highest = Math.max(result.highest, rss() - before)
        if (rss() - before > MOST_MIB) note('memory', index, `over ${MOST_MIB} MiB`)
        if (ms > KILL_MS || waits) stop(index + 1)
      }, WATCH_MS)
      worker.on('message', (message: Message) => {
        if ('kind' in message) {
          if (message.kind === 'slowest') result.slowest = Math.max(result.slowest, Number(message.text))
          else note(message.kind, message.index, message.text)
          return
        }
        result.tried += message.tried
        result.accepted += message.accepted
        result.refused += message.refused
        if (message.done) stop(from + count)
      })
      worker.on('error', (error) => {
        note('crash', now[0], error.message)
        stop(now[0] + 1)
      })
    })
  }
  return result
}

async function work({ name, count, from, keep, shared }: Job): Promise<void> {
  const { campaign } = (await import(`./${name}.js`)) as { campaign: Campaign }
  const post = (message: Message) => parentPort!.postMessage(message)
  const now = new Int32Array(shared)
  const began = Date.now()
  if (keep) mkdirSync(keep, { recursive: true })
  let [tried, accepted, refused, slowest] = [0, 0, 0, 0]
  for (let index = from; index < from + count; index++) {
    const input = campaign.make(index)
    now.set([index, Date.now() - began, rss(), 1])
    const start = performance.now()
    const taken = () => {
      now[3] = 0
      slowest = Math.max(slowest, performance.now() - start)
    }
    try {
      const output = await campaign.read(input)
      taken()
      accepted++
      const wrong = campaign.wrong?.(input, output)
      if (wrong) post({ kind: 'wrong', index, text: wrong })
      if (keep && campaign.summary) {
        writeFileSync(join(keep, `${index}.bin`), input)
        writeFileSync(join(keep, `${index}.json`), JSON.stringify(campaign.summary(output)))
      }
    } catch (error) {
      taken()
      refused++
      const { message, stack = '' } = error as Error
      if (!(error instanceof RadiogradError))
        post({ kind: 'error', index, text: stack.split('\n').slice(0, 3).join(' ') })
      else if (message.length >= MOST_CHARACTERS || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(message))
        post({ kind: 'message', index, text: JSON.stringify(message) })
    }
    if (++tried % 500 === 0) {
      post({ tried, accepted, refused, done: false })
      tried = accepted = refused = 0
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  post({ kind: 'slowest', index: 0, text: String(Math.round(slowest)) })
  post({ tried, accepted, refused, done: true })
}

if (!isMainThread && (workerData as Job | null)?.shared) await work(workerData as Job)
