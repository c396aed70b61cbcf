// Headless Chromium on SwiftShader, and a server for the built bundle: what the tests in a page share.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Page, chromium } from 'playwright-core'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

const names = ['chromium', 'chromium-browser', 'google-chrome']
const executablePath =
  process.env.CHROMIUM ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((dir) => names.map((name) => join(dir, name)))
    .find((path) => existsSync(path))
/** The description of Chromium's own SwiftShader, so that Node can run on the same driver. */
const icd = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  executablePath ? join(dirname(executablePath), 'vk_swiftshader_icd.json') : '',
].find((path) => existsSync(path))

/** Where Chromium and its driver are; null, and said, where there is none. */
export const browser = executablePath && icd ? { executablePath, icd } : null
if (!browser) console.log('skip: no Chromium with its SwiftShader found (CHROMIUM names another), no page was tried')

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.map': 'application/json',
}

/** Serves a folder and some pages by path on localhost, which browsers trust like https. */
export async function serve(
  pages: Readonly<Record<string, string>>,
  folder = join(root, 'dist'),
): Promise<{ url: string; close: () => void }> {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname)
    const page = pages[path]
    const file = page === undefined ? await readFile(join(folder, path)).catch(() => null) : page
    response.statusCode = file === null ? 404 : 200
    response.setHeader('Content-Type', page === undefined ? (TYPES[extname(path)] ?? 'text/plain') : 'text/html')
    response.end(file)
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return { url: `http://localhost:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}

/** An empty page, for programs that come through {@link inPage}. */
export const EMPTY = '<!doctype html><title>radiograd</title><link rel="icon" href="data:,">'

/** Opens `/` of these pages and hands it to `work`; throws what the page threw. */
export async function inPage<T>(pages: Readonly<Record<string, string>>, work: (page: Page) => Promise<T>): Promise<T> {
  const server = await serve(pages)
  try {
    return await atAddress(`${server.url}/`, work)
  } finally {
    server.close()
  }
}

/** Opens an address and hands it to `work`; throws what the page threw. */
export async function atAddress<T>(url: string, work: (page: Page) => Promise<T>): Promise<T> {
  const running = await chromium.launch({ executablePath: browser!.executablePath, args: FLAGS })
  try {
    const page = await running.newPage()
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
