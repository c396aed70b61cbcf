// SwiftShader, a Vulkan driver that runs on the CPU, out of an npm package: no root, nothing of the system touched.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliDecompressSync } from 'node:zlib'
import { cacheFolder } from '../util/cache.node.js'
import { RadiogradError, check } from '../util/check.js'
import { registryTrouble } from '../util/registry.js'

const PACKAGE = '@sparticuz/chromium'
const VERSION = '147.0.0'
const FILES = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json']

/** Runs npm; its last words are the error's. */
const npm = (args: readonly string[]) =>
  promisify(execFile)('npm', args, { shell: process.platform === 'win32' }).catch((error: Error) => {
    const { stderr = '' } = error as { stderr?: string }
    throw new RadiogradError(`npm ${args[0]}: must succeed, got ${stderr.trim().split('\n')[0] || error.message}`)
  })

const folder = () => join(cacheFolder(), `swiftshader-${VERSION}`)

/** The driver's description file if it has been fetched. */
export function swiftshaderCacheIcd(): string | null {
  const icd = join(folder(), 'vk_swiftshader_icd.json')
  return existsSync(icd) ? icd : null
}

/**
 * Fetches the package (68 MB, through npm as it is configured here), keeps the driver (9 MB) in the cache folder.
 * @throws RadiogradError where the package holds no driver for this machine, or npm cannot fetch it.
 */
export async function fetchSwiftshader(): Promise<string> {
  const found = swiftshaderCacheIcd()
  if (found) return found
  check(
    process.platform === 'linux' && process.arch === 'x64',
    `SwiftShader: the package holds linux-x64 only, this is ${process.platform}-${process.arch}`,
  )
  const trouble = await registryTrouble()
  check(
    !trouble,
    `SwiftShader: ${PACKAGE} ${VERSION} is wanted and the npm registry cannot be reached (${trouble}); connect, name ` +
      "a proxy or a mirror ('npm config set proxy' or 'registry'), or install a Vulkan driver of the system, such as " +
      'lavapipe',
  )
  mkdirSync(dirname(folder()), { recursive: true })
  const work = mkdtempSync(`${folder()}-`)
  try {
    const flags = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=dev', '--loglevel=error']
    await npm(['install', `${PACKAGE}@${VERSION}`, '--prefix', work, ...flags])
    const packed = readFileSync(join(work, 'node_modules', PACKAGE, 'bin/swiftshader.tar.br'))
    const driver = join(work, 'driver')
    mkdirSync(driver)
    for (const [name, bytes] of untar(brotliDecompressSync(packed))) {
      if (FILES.includes(name)) writeFileSync(join(driver, name), bytes, { mode: 0o755 })
    }
    for (const file of FILES)
      check(existsSync(join(driver, file)), `SwiftShader: ${file} is missing in ${PACKAGE} ${VERSION}`)
    renameSync(driver, folder())
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return swiftshaderCacheIcd()!
}

/** Files of a ustar archive by their base name. */
function* untar(archive: Buffer): Generator<[string, Buffer]> {
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const text = (from: number, length: number) =>
      archive.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '')
    const size = parseInt(text(124, 12), 8) || 0
    if (text(156, 1) === '0' || text(156, 1) === '')
      yield [text(0, 100).split('/').pop()!, archive.subarray(at + 512, at + 512 + size)]
    at += 512 + Math.ceil(size / 512) * 512
  }
}

/**
 * Brings in `libvulkan.so.1` from a folder where the system has none. Loading it as an addon fails ("did not
 * self-register"), but leaves the library open under its name (RTLD_GLOBAL), and that is what Dawn finds.
 */
export function loadVulkanLoader(from: string): void {
  const path = join(from, 'libvulkan.so.1')
  const system = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'].some((dir) =>
    existsSync(join(dir, 'libvulkan.so.1')),
  )
  if (system || !existsSync(path)) return
  const RTLD_GLOBAL = 0x100
  const RTLD_NODELETE = 0x1000
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE)
  } catch {
    // expected: it is no addon
  }
}
