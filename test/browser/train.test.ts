// The engine in a page: headless Chromium trains three steps on SwiftShader and gets the losses that Node gets on the
// same driver.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { train } from './program.js'

const test = suite('browser')
const root = fileURLToPath(new URL('../../../', import.meta.url))
const names = ['chromium', 'chromium-browser', 'google-chrome']
const executablePath =
  process.env.CHROMIUM ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((dir) => names.map((name) => join(dir, name)))
    .find((path) => existsSync(path))
const icd = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  executablePath ? join(dirname(executablePath), 'vk_swiftshader_icd.json') : '',
].find((path) => existsSync(path))

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

/** Serves the bundle and the program on localhost, which browsers trust like https. */
async function serve(): Promise<{ url: string; close: () => void }> {
  const page = '<!doctype html><title>radiograd</title><link rel="icon" href="data:,">'
  const files: Record<string, string> = {
    '/index.js': 'dist/browser/index.js',
    '/program.js': 'dist/test/browser/program.js',
  }
  const server = createServer(async (request, response) => {
    const file = files[request.url ?? '']
    response.setHeader('Content-Type', file ? 'text/javascript' : 'text/html')
    response.end(file ? await readFile(join(root, file)) : page)
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, close: () => server.close() }
}

test('the bundle holds nothing of Node', async () => {
  const text = await readFile(join(root, 'dist/browser/index.js'), 'utf8')
  assert.not.match(text, /["']node:|require\(["'](fs|path|os|worker_threads)["']\)/)
  assert.not.match(text, /child_process|dawn\.node/)
})

if (!executablePath || !icd)
  console.log('skip: no Chromium with its SwiftShader found (CHROMIUM names another), the page was not tried')
else {
  test('three training steps give the losses of Node on the same driver', async () => {
    const server = await serve()
    const browser = await chromium.launch({ executablePath, args: FLAGS })
    try {
      const page = await browser.newPage()
      const errors: string[] = []
      page.on('pageerror', (error) => errors.push(error.message))
      await page.goto(server.url)
      // The page's own modules: a variable path keeps bundlers and type checks out of it.
      const there = (await page.evaluate(async () => {
        const [engine, program] = ['/index.js', '/program.js']
        const radiograd = await import(engine)
        return (await import(program)).train(radiograd)
      })) as Awaited<ReturnType<typeof train>>
      assert.equal(errors, [])
      process.env.VK_DRIVER_FILES = icd
      process.env.RADIOGRAD_ADAPTER = 'swiftshader'
      const here = await train(await import('../../src/index.js'))
      console.log(`page ${there.adapter} ${there.losses.join(' ')}; Node ${here.adapter} ${here.losses.join(' ')}`)
      assert.is(there.adapter, 'swiftshader')
      assert.ok(here.losses.every(Number.isFinite))
      assert.equal(there.losses, here.losses)
    } finally {
      await browser.close()
      server.close()
    }
  })
}

test.run()
