// Headless Chromium, on its own SwiftShader or on lavapipe as a GPU that has OpenGL ES alone.
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Page, chromium } from 'playwright-core'
import { findProgram } from './programs.js'
import { serve } from './serve.js'

const executablePath = findProgram('CHROMIUM', ['chromium', 'chromium-browser', 'google-chrome'])
/** The description of Chromium's own SwiftShader, so that Node can run on the same driver. */
const icd = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  executablePath ? join(dirname(executablePath), 'vk_swiftshader_icd.json') : '',
].find((path) => existsSync(path))

/** Where Chromium and its driver are; null, and said, where there is none. */
export const browser = executablePath && icd ? { executablePath, icd } : null
if (!browser) console.log('skip: no Chromium with its SwiftShader found (CHROMIUM names another), no page was tried')

export const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** WebGPU's compatibility mode: OpenGL ES, through ANGLE on a Vulkan driver. */
const COMPATIBILITY = ['--use-webgpu-adapter=opengles', '--use-angle=vulkan', '--force-webgpu-compat']

/** No verdict depends on speed: what is not there by then will not come. */
export const PATIENCE_MS = 900_000

interface PageOptions {
  /** The description of a Vulkan driver, for compatibility mode on it. */
  compatibilityOn?: string
}

/** Opens `/` of these pages and hands it to `work`; throws what the page threw. */
export async function inPage<T>(
  pages: Readonly<Record<string, string>>,
  work: (page: Page) => Promise<T>,
  options?: PageOptions,
): Promise<T> {
  const server = await serve(pages)
  try {
    return await atAddress(`${server.url}/`, work, options)
  } finally {
    server.close()
  }
}

/** Opens an address and hands it to `work`; throws what the page threw. */
export async function atAddress<T>(
  url: string,
  work: (page: Page) => Promise<T>,
  { compatibilityOn }: PageOptions = {},
): Promise<T> {
  const running = await chromium.launch({
    executablePath: browser!.executablePath,
    args: compatibilityOn ? [...FLAGS, ...COMPATIBILITY] : FLAGS,
    ...(compatibilityOn && {
      env: { ...(process.env as Record<string, string>), VK_ICD_FILENAMES: compatibilityOn, XDG_RUNTIME_DIR: tmpdir() },
    }),
  })
  try {
    const page = await running.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await page.goto(url)
    const result = await work(page)
    if (errors.length) throw new Error(errors.join('\n'))
    return result
  } finally {
    await running.close()
  }
}

/** Makes Node compute on Chromium's driver. */
export function useChromiumsDriver(): void {
  process.env.VK_DRIVER_FILES = browser!.icd
  process.env.RADIOGRAD_ADAPTER = 'swiftshader'
}
