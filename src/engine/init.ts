// init(): opens an adapter, asks its device for all that kernels can use, and starts an engine on it.
import { requestGpuAdapter } from '#platform/device'
import { capsOf } from '../gpu/caps.js'
import { Choices } from '../gpu/choices.js'
import { Gpu, gpu, setGpu } from '../gpu/gpu.js'
import { loadCpuShaders } from '../shaders.cpu.js'
import { adapterKey } from '../tune/cache.js'
import { shipped } from '../tune/shipped.js'
import { Tuner } from '../tune/tuner.js'
import { check } from '../util/check.js'
import { Engine, nameOf } from './engine.js'

export interface InitOptions {
  /** Seed of everything random on the GPU (dropout). Default 0. */
  seed?: number
  /** Which adapter: 'auto' prefers a GPU, then lavapipe, then SwiftShader. */
  adapter?: 'auto' | 'gpu' | 'lavapipe' | 'swiftshader'
  /** Plans and counts what steps need, but allocates and runs nothing: `capture(…).prepare(…)`, then `memory()`. */
  dryRun?: boolean
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

/** Opens the adapter and starts the engine. One engine runs at a time. Throws when no adapter is found. */
export async function init(options: InitOptions = {}): Promise<Engine> {
  check(!gpu, 'init: an engine is already running; dispose() it first')
  const { adapter, kind, isSoftware, dispose } = await requestGpuAdapter({ adapter: options.adapter ?? 'auto' })
  const requiredFeatures = WANTED_FEATURES.filter((f) => adapter.features.has(f))
  const requiredLimits: Record<string, number> = {}
  for (const name of WANTED_LIMITS) requiredLimits[name] = adapter.limits[name]
  const device = await adapter.requestDevice({ label: 'radiograd', requiredFeatures, requiredLimits })
  if (isSoftware) await loadCpuShaders()
  const caps = capsOf(device, adapter.info, isSoftware)
  const choices = new Choices(shipped[kind === 'gpu' ? nameOf(adapter.info) : kind])
  setGpu(new Gpu(device, caps, options.seed ?? 0, options.dryRun, choices))
  const cacheKey = options.tune === false || kind === 'null' ? null : adapterKey(adapter.info, caps.subgroupSize)
  return new Engine(adapter, kind, isSoftware, device, await Tuner.open(gpu, cacheKey), dispose)
}
