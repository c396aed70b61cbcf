// Estimates for GPUs that are not here: what their real compilers make of the kernels of training steps, and the time
// that follows from instructions and bytes (docs/lab.md says what such an estimate is worth). A lab outside of this
// package has the compilers: a folder with `lab.sh CHECKOUT NAME`, which copies a checkout to where `run.sh CHIP
// COMMAND…` finds it as /tmp/NAME, and runs a command with that chip's compiler behind Vulkan.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { check } from '../src/util/check.js'
import { origin, readResults, writeResults } from './results.js'
import { columns, percent, print, progress, short } from './stats.js'

/** Kernels of one name and variant, in all calls of a step. */
export interface KernelEstimate {
  kernel: string
  calls: number
  /** Most of its pipelines. */
  registers: number
  spills: number
  /** Waves, warps or threads that a unit holds at once, at the fewest, as its compiler counts them. */
  threads: number
  ms: number
  rooflineMs: number
  /** The listing has copies of loops of which nobody can say how often they run: the time means nothing. */
  uncertain?: boolean
}

export interface StepEstimate {
  step: string
  dispatches: number
  pipelines: number
  ms: number
  rooflineMs: number
  /** From half a percent of the step on, and all that spill. */
  kernels: KernelEstimate[]
}

/** What bench/results/estimate-<chip>.json holds, beside its origin. */
export interface ChipEstimate {
  chip: string
  /** The card that is meant. */
  name: string
  steps: StepEstimate[]
}

export const CHIPS = ['navi31', 'gfx1201', 'strix1', 'nv-ada', 'nv-ampere', 'apple-m1']
/** Those whose estimates may not grow by more than this without somebody saying why. */
const WATCHED = ['navi31', 'nv-ada', 'apple-m1']
const WORSE = 1.05

/** Estimates for a chip, or for `all`; writes them, and prints them beside those that were there. */
export async function runEstimate(chip: string, lab = process.env.GPU_LAB): Promise<void> {
  if (!lab || !existsSync(join(lab, 'run.sh')))
    return print([`no estimate: the lab's folder is given by --lab or GPU_LAB, got ${lab ?? 'none'}`])
  const name = 'radiograd-estimate'
  call(lab, 'lab.sh', [fileURLToPath(new URL('../..', import.meta.url)), name])
  const rows: string[][] = []
  for (const one of chip === 'all' ? CHIPS : [chip]) {
    const script = `/tmp/${name}/dist/bench/estimateInLab.js`
    const output = call(lab, 'run.sh', [one, 'env', 'GPU_LAB_ASSEMBLY=/opt/gpu-lab/asm.mjs', 'node', script])
    const now = JSON.parse(output.trim().split('\n').at(-1)!) as ChipEstimate
    rows.push(...compared(now, await readResults<ChipEstimate>(`estimate-${one}`)))
    await writeResults(`estimate-${one}`, { ...origin(), ...now })
    progress(`${now.name}: done`)
  }
  print(columns([['chip, step', 'ms', 'before', 'roofline', 'of it', 'dispatches', 'spills', ''], ...rows]))
}

/** A row a step: estimates beside those of `before`. */
export function compared(now: ChipEstimate, before: ChipEstimate | null): string[][] {
  return now.steps.map((step) => {
    const old = before?.steps.find((s) => s.step === step.step)
    const worse = old && (step.ms > WORSE * old.ms || spills(step) > spills(old))
    return [
      `${now.name}, ${step.step}`,
      short(step.ms),
      old ? short(old.ms) : '–',
      short(step.rooflineMs),
      percent(step.rooflineMs / step.ms),
      String(step.dispatches),
      String(spills(step)),
      [
        worse && WATCHED.includes(now.chip) ? 'REGRESSION' : '',
        step.kernels.some((k) => k.uncertain) ? 'uncertain' : '',
      ]
        .join(' ')
        .trim(),
    ]
  })
}

/** Registers that its kernels spill. */
const spills = ({ kernels }: StepEstimate) => kernels.reduce((sum, k) => sum + k.spills, 0)

function call(lab: string, script: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync('sh', [join(lab, script), ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  check(
    status === 0,
    () => `estimate: ${script} ${args[0]} failed: ${/\w*Error: .*/.exec(stderr)?.[0] ?? stderr.trim()}`,
  )
  return stdout
}
