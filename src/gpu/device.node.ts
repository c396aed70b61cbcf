// Finding an adapter in Node, through Dawn (npm `webgpu`): a GPU, else lavapipe, else SwiftShader.
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { create, globals } from 'webgpu'
import { RadiogradError, check } from '../util/check.js'
import { loadVulkanLoader, swiftshaderCacheIcd } from './swiftshader.node.js'

export type AdapterChoice = 'auto' | 'gpu' | 'lavapipe' | 'swiftshader' | 'null'

export interface FoundAdapter {
  adapter: GPUAdapter
  /** 'gpu', 'lavapipe', 'swiftshader' or 'null'. */
  kind: string
  /** A CPU pretending to be a GPU. */
  isSoftware: boolean
  dispose(): void
}

const CHOICES = ['auto', 'gpu', 'lavapipe', 'swiftshader', 'null']
const ICD_FOLDERS = ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d']
const GPU_NODES = ['/dev/dri', '/dev/nvidia0', '/dev/dxg', '/dev/kgsl-3d0']

/**
 * Objects of `create()`, one for each driver that was asked for. They must stay referenced while a device lives (once
 * collected, the process dies with SIGSEGV), and each keeps threads and memory of its own for good.
 */
const instances = new Map<string, GPU>()

let within = <T>(ask: () => T): T => ask()

/** Has every adapter asked for within `wrapper`: the command line keeps Dawn's warnings off a terminal so. */
export function askWithin(wrapper: typeof within): void {
  within = wrapper
}

/**
 * Opens the best adapter there is, or the one asked for (environment `RADIOGRAD_ADAPTER` goes first). Throws when there
 * is none.
 */
export async function requestGpuAdapter({
  adapter: asked = 'auto',
}: { adapter?: AdapterChoice } = {}): Promise<FoundAdapter> {
  const choice = process.env.RADIOGRAD_ADAPTER || asked
  check(CHOICES.includes(choice), `RADIOGRAD_ADAPTER: must be one of ${CHOICES.join(' ')}, got ${choice}`)
  process.env.XDG_RUNTIME_DIR ??= tmpdir() // Mesa prints an error line without it
  for (const name in globals)
    if (!(name in globalThis))
      Object.defineProperty(globalThis, name, {
        value: (globals as Record<string, unknown>)[name],
        configurable: true,
        writable: true,
      })
  const unpace = paceCompletion()
  for (const candidate of candidates(choice)) {
    const adapter = await open(candidate)
    if (!adapter) continue
    const kind = choice === 'null' ? 'null' : kindOf(adapter)
    if (choice !== 'auto' && kind !== choice) continue
    return { adapter, kind, isSoftware: kind !== 'gpu', dispose: unpace }
  }
  unpace()
  throw new RadiogradError(
    `no adapter: found no ${choice === 'auto' ? 'GPU and no software driver' : choice}; ` +
      "'radiograd setup' fetches SwiftShader, " +
      "'apt-get install -t bookworm-backports libvulkan1 mesa-vulkan-drivers' brings the faster lavapipe" +
      (isMainThread ? '' : '; a worker thread finds only what the system has unless it is started with env: SHARE_ENV'),
  )
}

interface Candidate {
  /**
   * A software driver to list alone; with several listed, Dawn may take the slower one. Undefined leaves the loader as
   * it is.
   */
  icd?: string
  flags?: string[]
  /** Folder that may hold a Vulkan loader to bring in first. */
  loader?: string
}

function* candidates(choice: string): Generator<Candidate> {
  if (choice === 'null') return yield { flags: ['backend=null'] }
  const named = process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES
  // A parent process that has opened an engine leaves its driver's name here; the loader may lie beside that.
  if (named) yield { loader: dirname(named.split(delimiter)[0]) }
  const elsewhere = process.platform !== 'linux'
  if (choice === 'auto' || choice === 'gpu') {
    if (elsewhere || GPU_NODES.some((node) => existsSync(node))) yield {}
  }
  if (choice === 'auto' || choice === 'lavapipe') for (const icd of installed(/^lvp_icd.*\.json$/)) yield { icd }
  if (choice === 'auto' || choice === 'swiftshader') {
    for (const folder of ['/usr/lib/chromium', '/usr/lib64/chromium', '/opt/google/chrome']) {
      const icd = join(folder, 'vk_swiftshader_icd.json')
      if (existsSync(icd)) yield { icd, loader: folder }
    }
    const icd = swiftshaderCacheIcd()
    if (icd) yield { icd, loader: join(icd, '..') }
  }
}

function installed(name: RegExp): string[] {
  return ICD_FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => name.test(file))
      .map((file) => join(folder, file)),
  )
}

async function open({ icd, flags = [], loader }: Candidate): Promise<GPUAdapter | null> {
  const { VK_DRIVER_FILES } = process.env
  if (icd) process.env.VK_DRIVER_FILES = icd
  if (loader) loadVulkanLoader(loader)
  // Our kernels check their own bounds (docs/architecture.md says what that rests on), so Dawn's checks on top are left
  // out: SwiftShader steps are a quarter faster without, and NVIDIA's GPUs by a tenth. RADIOGRAD_ROBUSTNESS keeps them.
  const options = [
    `enable-dawn-features=allow_unsafe_apis${process.env.RADIOGRAD_ROBUSTNESS ? '' : ',disable_robustness'}`,
    'disable-dawn-features=timestamp_quantization',
    ...flags,
  ]
  // What was created before there was a loader finds nothing for good.
  const key = [loader, process.env.VK_DRIVER_FILES, process.env.VK_ICD_FILENAMES, ...options].join()
  const instance = instances.get(key) ?? create(options)
  instances.set(key, instance)
  const adapter = await within(() => instance.requestAdapter({ powerPreference: 'high-performance' }))
  if (!adapter && icd) {
    if (VK_DRIVER_FILES === undefined) delete process.env.VK_DRIVER_FILES
    else process.env.VK_DRIVER_FILES = VK_DRIVER_FILES
  }
  return adapter
}

function kindOf({ info }: GPUAdapter): string {
  const name = `${info.description} ${info.device} ${info.architecture}`.toLowerCase()
  if (name.includes('llvmpipe')) return 'lavapipe'
  if (name.includes('swiftshader')) return 'swiftshader'
  return 'gpu'
}

/**
 * Dawn's binding polls for completion from setImmediate in a busy loop, which holds a whole core: on a software adapter
 * half of the machine that does the work. While an engine is open, its callbacks wait a millisecond instead. They are
 * known by being native functions without a name (a built-in has one, a bound function's begins with "bound") that come
 * without arguments. Returns what puts things back.
 */
function paceCompletion(): () => void {
  const immediately = globalThis.setImmediate
  const isDawns = (f: unknown, args: readonly unknown[]) =>
    args.length === 0 &&
    typeof f === 'function' &&
    f.name === '' &&
    Function.prototype.toString.call(f).includes('[native code]')
  const paced = Object.assign(
    (f: (...args: unknown[]) => void, ...args: unknown[]) =>
      isDawns(f, args) ? setTimeout(f, 1) : immediately(f, ...args),
    immediately,
  ) as unknown as typeof setImmediate
  globalThis.setImmediate = paced
  return () => {
    if (globalThis.setImmediate === paced) globalThis.setImmediate = immediately
  }
}
