// The first step: how long it takes when the driver has compiled nothing yet, and which kernels' compilation it is.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gpu } from '../src/gpu/gpu.js'
import { type Dispatch, Recording } from '../src/gpu/recording.js'
import { Rehearsal, isDispatch, record } from './dispatches.js'
import { columns, short } from './stats.js'
import type { StepWork } from './steps.js'

/** Environment in which drivers keep nothing: Mesa's and NVIDIA's words for it. */
export const EMPTY_CACHE = { MESA_SHADER_CACHE_DISABLE: 'true', __GL_SHADER_DISK_CACHE: '0' }

export interface ColdRow {
  name: string
  initMs: number
  modelMs: number
  stepMs: number
}

/** The first step in a fresh process on an empty driver cache. */
export async function coldStart({ name }: StepWork): Promise<ColdRow> {
  const script = fileURLToPath(new URL('firststep.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script, name], {
    env: { ...process.env, ...EMPTY_CACHE },
    timeout: 300_000,
  })
  return { name, ...JSON.parse(stdout.trim().split('\n').at(-1)!) }
}

export function coldTable(rows: readonly ColdRow[]): string[] {
  return columns([
    ['first step, empty driver cache', 'ms', 'init before it', 'model before it'],
    ...rows.map((r) => [r.name, short(r.stepMs), short(r.initMs), short(r.modelMs)]),
  ])
}

export interface CompileRow {
  kernel: string
  /** Making the pipeline: WGSL to SPIR-V, and what the driver does then. */
  createMs: number
  /** First dispatch less the second. */
  firstMs: number
}

/**
 * Compile time of every pipeline of a step, the slowest first. Drivers compile partly when a pipeline is made and
 * partly at its first dispatch (lavapipe), so each is made alone, then dispatched alone, twice. Must run in {@link
 * EMPTY_CACHE}.
 */
export async function compileTimes(step: () => unknown): Promise<CompileRow[]> {
  const dispatches = new Map<string, Dispatch>()
  for (const command of record(step).commands.filter(isDispatch)) {
    const overrides = Object.entries(command.overrides)
      .map(([name, value]) => `${name}=${value}`)
      .join(',')
    const name = [command.variant.label, overrides].filter(Boolean).join(' ')
    const smaller = dispatches.get(name)
    if (!smaller || volume(command) < volume(smaller)) dispatches.set(name, command)
  }
  const rows: CompileRow[] = []
  for (const [kernel, dispatch] of dispatches) {
    const start = performance.now()
    await gpu.pipelines.soon(dispatch.variant, dispatch.overrides)
    const createMs = performance.now() - start
    const alone = await Rehearsal.of(isolated(dispatch))
    const first = await alone.run()
    rows.push({ kernel, createMs, firstMs: Math.max(0, first - (await alone.run())) })
    alone.destroy()
  }
  return rows.sort((a, b) => b.createMs + b.firstMs - a.createMs - a.firstMs)
}

export function compileTable(rows: readonly CompileRow[]): string[] {
  const sum = (key: 'createMs' | 'firstMs') => rows.reduce((total, row) => total + row[key], 0)
  return columns([
    ['kernel', 'pipeline ms', 'first dispatch ms'],
    ...rows.map((row) => [row.kernel, short(row.createMs), short(row.firstMs)]),
    [`${rows.length} pipelines`, short(sum('createMs')), short(sum('firstMs'))],
  ])
}

const volume = ({ workgroups: [x, y, z] }: Dispatch) => x * y * z

/** The dispatch on buffers of its own, full of zeros. */
function isolated(dispatch: Dispatch): Recording {
  const recording = new Recording(true)
  const made = new Map<unknown, ReturnType<Recording['allocate']>>()
  const bindings = dispatch.bindings.map((storage) => {
    if (!storage) return null
    let own = made.get(storage)
    if (!own) {
      made.set(storage, (own = recording.allocate(storage.byteLength, storage.label)))
      recording.commands.push({ type: 'zero', target: own })
    }
    return own
  })
  recording.commands.push({ ...dispatch, bindings })
  recording.close()
  return recording
}
