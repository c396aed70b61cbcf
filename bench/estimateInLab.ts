// Runs inside of the lab that estimate.ts asks: compiles what training steps run with the compiler of a chip that is
// not there, reads what the lab's Vulkan layer wrote of each pipeline, and prints the estimates as one line of JSON.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { F, init, nn, zeros } from '../src/index.js'
import { gpu } from '../src/gpu/gpu.js'
import type { Dispatch } from '../src/gpu/recording.js'
import { isDispatch, record } from './dispatches.js'
import type { ChipEstimate, KernelEstimate, StepEstimate } from './estimate.js'
import { type Cost, type Loop, type Numbers, bytesOf, macsOf, storesOf, tripsOf } from './estimateModel.js'
import { HALF, build, steps } from './steps.js'

/** What of the lab's asm.mjs is used. */
interface Assembly {
  CHIPS: Record<string, Chip>
  loops(listing: string, isa: string, lanes: number, recent: boolean): Loop
  total(loop: Loop, trips: (loop: Loop) => number): Cost
  hottest(loop: Loop, trips: (loop: Loop) => number): Loop
}

interface Chip {
  name: string
  isa: string
  units: number
  simds: number
  ghz: number
  tflops: number
  f16: number
  gbs: number
  launchUs: number
}

/** What is looked at: what `make` returns is recorded. */
interface Work {
  name: string
  half: boolean
  make(): () => unknown
}

/** What a compiler made of a pipeline. */
interface Made {
  subgroup?: number
  stats: Record<string, number | undefined>
  loops: Loop | null
}

const chipName = process.env.GPU_LAB_CHIP!
const { CHIPS, loops, total, hottest } = (await import(process.env.GPU_LAB_ASSEMBLY!)) as Assembly
const chip = CHIPS[chipName]
/** Clocks of a product of two 16×16 matrices, from the chip's peak; asm.mjs counts the 32 of RDNA 3. */
const wmmaClocks = (2 * 16 ** 3 * chip.units * chip.simds * chip.ghz) / (1e3 * chip.f16)
const scratch = `/tmp/estimate-${process.pid}`
const listings = join(scratch, 'listings')
const statistics = join(scratch, 'statistics')
mkdirSync(listings, { recursive: true })
Object.assign(process.env, { GPU_LAB_STATS: statistics, GPU_LAB_IR: listings, RADIOGRAD_ADAPTER: 'gpu' })

const works: Work[] = [
  ...steps.filter(({ gpuOnly }) => gpuOnly).map((step) => ({ ...step, make: () => build(step) })),
  product(4096, false),
  product(4096, true),
  depthwise(56, 96, 7, 1),
  depthwise(112, 96, 3, 2),
  squeezeExcite(28, 240, 10),
]
const estimates: StepEstimate[] = []
for (const work of works) {
  const engine = await init({ tune: false, dryRun: true }) // records without memory; pipelines are made all the same
  if (!work.half || engine.features.has('shader-f16')) estimates.push(await estimate(work))
  engine.dispose()
}
rmSync(scratch, { recursive: true })
const result: ChipEstimate = { chip: chipName, name: chip.name, steps: estimates }
console.log(JSON.stringify(result))
process.exit(0)

/** A square product: how far kernels are from the chip's peak. */
function product(size: number, half: boolean): Work {
  const make = () => {
    const [a, b] = [0, 1].map(() => zeros([size, size], half ? 'f16' : 'f32'))
    return () => F.matmul(a, b)
  }
  return { name: `matmul ${size}³${half ? HALF : ''}`, half, make }
}

/** A depthwise convolution of 32 images, forward and backward: of ConvNeXt (7×7), of EfficientNet-B0 (3×3). */
function depthwise(size: number, channels: number, kernel: number, stride: number): Work {
  const make = () => {
    const [x, w] = [
      [32, size, size, channels],
      [kernel, kernel, 1, channels],
    ].map((shape) => nn.Parameter(zeros(shape)))
    return () => {
      const y = F.conv2d(x, w, null, { stride, padding: kernel >> 1, groups: channels })
      y.backward(zeros(y.shape))
      return [y, x.grad!, w.grad!]
    }
  }
  const name = `depthwise ${kernel}×${kernel}${stride > 1 ? `/${stride}` : ''} ${channels} at ${size}²`
  return { name, half: false, make }
}

/** Squeeze-excite of 32 images, forward and backward: of EfficientNet-B0. */
function squeezeExcite(size: number, channels: number, squeezed: number): Work {
  const make = () => {
    const inputs = [
      [32, size, size, channels],
      [1, 1, channels, squeezed],
      [squeezed],
      [1, 1, squeezed, channels],
      [channels],
    ].map((shape) => nn.Parameter(zeros(shape)))
    const [x, w1, b1, w2, b2] = inputs
    return () => {
      const y = F.squeezeExcite(x, w1, b1, w2, b2, { activation: 'silu' })
      y.backward(zeros(y.shape))
      return [y, ...inputs.map(({ grad }) => grad!)]
    }
  }
  return { name: `squeeze-excite ${channels}→${squeezed} at ${size}²`, half: false, make }
}

async function estimate(work: Work): Promise<StepEstimate> {
  const dispatches = record(work.make()).commands.filter(isDispatch)
  const compiled = new Map<string, Made>()
  const rows = new Map<string, KernelEstimate>()
  for (const d of dispatches) {
    const key = d.variant.label + JSON.stringify(d.overrides)
    let made = compiled.get(key)
    if (!made) compiled.set(key, (made = await compile(d)))
    add(rows, d, made)
  }
  const all = [...rows.values()].sort((a, b) => b.ms - a.ms)
  const sum = (of: (row: KernelEstimate) => number) => all.reduce((s, row) => s + of(row), 0)
  const ms = sum((row) => row.ms)
  return {
    step: work.name,
    dispatches: dispatches.length,
    pipelines: compiled.size,
    ms,
    rooflineMs: sum((row) => row.rooflineMs),
    kernels: all.filter((row) => row.ms > 0.005 * ms || row.spills),
  }
}

/** Compiles one pipeline and reads what the layer wrote of it: one at a time, so that it can be no other's. */
async function compile(d: Dispatch): Promise<Made> {
  const before = lines().length
  for (const file of readdirSync(listings)) rmSync(join(listings, file))
  await gpu.pipelines.soon(d.variant, d.overrides)
  const made = JSON.parse(lines().slice(before).at(-1)!) as Made
  const file = readdirSync(listings).find((f) => /-(Assembly|NAK_assembly)\.txt$/.test(f))
  const isRead = file && (chip.isa === 'rdna' || chip.isa === 'nak')
  const recent = /navi3|gfx12|strix/.test(chipName)
  const listing = isRead ? readFileSync(join(listings, file), 'latin1') : null
  return { ...made, loops: listing ? loops(listing, chip.isa, made.subgroup!, recent) : null }
}

function lines(): string[] {
  return existsSync(statistics) ? readFileSync(statistics, 'utf8').split('\n').filter(Boolean) : []
}

/** Adds a dispatch to its kernel's row. */
function add(rows: Map<string, KernelEstimate>, d: Dispatch, made: Made): void {
  const { stats } = made
  const kernel = d.variant.label
  const row = rows.get(kernel) ?? { kernel, calls: 0, registers: 0, spills: 0, threads: Infinity, ms: 0, rooflineMs: 0 }
  rows.set(kernel, row)
  const params = (typeof d.params === 'function' ? {} : d.params) as Numbers
  const isMatrices = /_matrix$/.test(d.variant.kernel.name) && d.variant.values.E === 'f16'
  const roofline = Math.max(
    bytesOf(d) / chip.gbs / 1e6,
    (2 * macsOf(d, params)) / (isMatrices ? chip.f16 : chip.tflops) / 1e9,
  )
  const issue = made.loops ? issueMs(d, params, made, made.loops) : { ms: 0, off: NaN }
  if (issue.off > 1.01) row.uncertain = true
  row.calls++
  row.registers = Math.max(row.registers, first(stats, 'VGPRs', 'Number of GPRs', 'GPRs', 'Registers used'))
  row.spills = Math.max(
    row.spills,
    first(stats, 'Spilled VGPRs', 'Spills to memory', 'Spills', 'STP Count') + first(stats, 'Spilled SGPRs'),
  )
  row.threads = Math.min(
    row.threads,
    first(stats, 'Subgroups per SIMD', 'Max warps/SM', 'Threads', 'Max Waves Per Core'),
  )
  row.ms += Math.max(issue.ms, roofline) + chip.launchUs / 1e3
  row.rooflineMs += roofline
}

/** The statistic that is there: compilers have names of their own. */
function first(stats: Made['stats'], ...names: string[]): number {
  return names.map((n) => stats[n]).find((n) => n !== undefined) ?? 0
}

/**
 * Milliseconds of the busiest unit to issue all instructions, workgroups going to units whole; and how far their count
 * is off: how many times as many stores into workgroup memory the listing has as the kernel makes (copies of loops of
 * which only some run), or how many times as many products are needed as were counted by matrix units.
 */
function issueMs(d: Dispatch, params: Numbers, { subgroup = 32 }: Made, whole: Loop): { ms: number; off: number } {
  const groups = d.workgroups.reduce((a, b) => a * b, 1)
  const waves = groups * Math.ceil(d.variant.workgroupSize / subgroup)
  const trips = tripsOf(d, params)
  const cost = total(whole, trips)
  const alu = cost.alu + (chip.isa === 'rdna' ? cost.wmma * (wmmaClocks - 32) : 0)
  const clocks = Math.max(alu / chip.simds, cost.lds, cost.vmem, cost.salu / chip.simds)
  const rounds = groups / chip.units
  const tail = groups <= chip.units ? 1 / rounds : Math.ceil(rounds) / rounds
  const main = hottest(whole, trips)
  const has = (loop: Loop, what: 'dsRead' | 'load'): boolean =>
    loop.own[what] > 0 || loop.inner.some((l) => has(l, what))
  const nested = main.inner.find((l) => has(l, 'dsRead') && has(l, 'load')) // where slices are walked inside of taps
  const stores = storesOf(d)
  const products = waves * cost.wmma * 16 ** 3 // too few where a loop was not recognised
  return {
    ms: ((waves * clocks) / (chip.units * chip.ghz * 1e6)) * Math.min(tail, chip.units),
    off: stores
      ? total(main, trips).dsWrite / (nested ? trips(nested) : 1) / stores
      : products
        ? macsOf(d, params) / products
        : NaN,
  }
}
