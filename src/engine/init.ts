// init(): opens an adapter, asks its device for all that kernels can use, and starts an engine on it.
import { requestGpuAdapter } from '#platform/device'
import { capsOf } from '../gpu/caps.js'
import { Choices } from '../gpu/choices.js'
import { Gpu, isRunning, setGpu } from '../gpu/gpu.js'
import { loadCpuShaders, loadMatrixShaders, loadConvShaders } from '../shaders.late.js'
import { adapterKey } from '../tune/cache.js'
import { shipped } from '../tune/shipped.js'
import { Tuner } from '../tune/tuner.js'
import { check } from '../util/check.js'
import { checkOptions, checkWhole } from '../util/options.js'
import { Engine, nameOf } from './engine.js'

/** Options of {@link init}. */
export interface InitOptions {
  /** Seed of everything random on the GPU (dropout). Default 0. */
  seed?: number
  /** Which adapter. Default 'auto': it prefers a GPU, then lavapipe, then SwiftShader. */
  adapter?: 'auto' | 'gpu' | 'lavapipe' | 'swiftshader'
  /**
   * Plans and counts what steps need, but allocates and runs nothing: `capture(…).prepare(…)`, then `memory()`. Default
   * false.
   */
  dryRun?: boolean
  /**
   * Asks the device for nothing that WebGPU does not promise everywhere: no optional feature, the default limits. What
   * runs so runs in every browser. Default false.
   */
  baseline?: boolean
  /**
   * Whether kernels may be chosen by measurement: before a captured step that is new to a GPU, for some seconds in all,
   * and kept for later runs, which go on with what there was no time for. `false` runs what is shipped, or else the
   * default, whatever was measured on this machine before. An adapter that does not say what it is (as in Firefox) is
   * measured only when `engine.tune()` asks for it, and nothing of it is kept. Default true.
   */
  tune?: boolean
}

const WANTED_FEATURES = [
  'subgroups',
  'subgroup-size-control',
  'shader-f16',
  'timestamp-query',
  'chromium-experimental-subgroup-matrix',
] as GPUFeatureName[]
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxStorageBuffersPerShaderStage',
] as const
/** WebGPU's default limits, for which kernels are written. An adapter in compatibility mode may have less. */
const NEEDED_LIMITS = {
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxStorageBuffersPerShaderStage: 8,
} as const

let opening = false

/**
 * Opens the adapter and starts the engine. One engine runs at a time: what an earlier one made is refused by the next.
 * @throws when no adapter is found, or an engine is already running.
 */
export async function init(options: InitOptions = {}): Promise<Engine> {
  checkOptions('init', options, ['seed', 'adapter', 'dryRun', 'baseline', 'tune'])
  const { seed = 0, adapter: asked = 'auto', dryRun = false, baseline = false, tune = true } = options
  checkWhole('init', { seed })
  check(!opening && !isRunning(), 'init: an engine is already running; dispose() it first')
  opening = true
  let release = () => {}
  try {
    const { adapter, kind, isSoftware, dispose } = await requestGpuAdapter({ adapter: asked })
    release = dispose
    for (const [name, least] of Object.entries(NEEDED_LIMITS)) {
      const limit = adapter.limits[name as keyof typeof NEEDED_LIMITS]
      check(limit >= least, `adapter: ${name} must be at least ${least}, got ${limit}`)
    }
    const requiredFeatures = baseline ? [] : WANTED_FEATURES.filter((f) => adapter.features.has(f))
    const requiredLimits: Record<string, number> = {}
    if (!baseline) for (const name of WANTED_LIMITS) requiredLimits[name] = adapter.limits[name]
    const device = await adapter.requestDevice({ label: 'radiograd', requiredFeatures, requiredLimits })
    const caps = capsOf(device, adapter.info, isSoftware)
    if (isSoftware) await loadCpuShaders()
    await loadConvShaders()
    if (Object.keys(caps.matrices).length) await loadMatrixShaders()
    const choices = new Choices(shipped[kind === 'gpu' ? nameOf(adapter.info) : kind])
    const gpu = new Gpu(device, caps, seed, dryRun, choices)
    const cacheKey = !tune || kind === 'null' ? null : adapterKey(adapter.info, caps.subgroupSize)
    const engine = new Engine(gpu, adapter, kind, isSoftware, await Tuner.open(gpu, cacheKey), release)
    setGpu(gpu)
    return engine
  } catch (error) {
    release()
    throw error
  } finally {
    opening = false
  }
}
