// What can go wrong while somebody trains in the page, in Chromium: each is said in plain words, and nothing trained is
// lost. A minute or two, so only with RADIOGRAD_ENGINES=all.
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { syntheticFiles } from '../../src/data/synthetic.js'
import { safetensorsBytes } from '../../src/weights/safetensors.js'
import { atAddress, browser } from './chromium.js'
import * as person from './person.js'
import { lookAt } from './person.js'
import { root, serve } from './serve.js'
import { join } from 'node:path'

const test = suite('trouble')

/** A valid file of weights that no model here has. */
const OTHER = safetensorsBytes(
  new Map([['encoder.weight', { dtype: 'f32', shape: [2, 2], data: new Float32Array(4) }]]),
)

/** Another host, which has weights for all and sends some requests on to a third, which counts what reaches it. */
async function weightsHost(): Promise<{ url: string; reached: () => number; close: () => void }> {
  let reached = 0
  const third = createServer((_, response) => {
    reached++
    response.setHeader('Access-Control-Allow-Origin', '*').end(OTHER)
  })
  const host = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*')
    if (request.url === '/moved.safetensors') response.writeHead(302, { Location: `${at(third)}${request.url}` }).end()
    else response.end(OTHER)
  })
  const at = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const server of [host, third]) await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const close = () => [host, third].forEach((server) => server.close())
  return { url: at(host), reached: () => reached, close }
}

/** What the browser would do itself: a dialog for folders that gives one of its own, a lock that keeps the screen on. */
async function prepare(page: Page): Promise<void> {
  const files = [...syntheticFiles({ train: 24, test: 8, size: 32 })].map(({ path, bytes }) => ({
    parts: path.split('/'),
    text: Buffer.from(bytes).toString('base64'),
  }))
  await page.evaluate(async (files) => {
    const base = await (await navigator.storage.getDirectory()).getDirectoryHandle('pictures', { create: true })
    for (const { parts, text } of files) {
      let folder = base
      for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true })
      const writable = await (await folder.getFileHandle(parts.at(-1)!, { create: true })).createWritable()
      await writable.write(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)))
      await writable.close()
    }
  }, files)
  await page.addInitScript(() => {
    const awake = { asked: 0, released: 0 }
    const request = async () => {
      awake.asked++
      return { release: async () => void awake.released++ }
    }
    Object.defineProperty(navigator, 'wakeLock', { value: { request } })
    const showDirectoryPicker = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('pictures')
    Object.assign(window, { awake, showDirectoryPicker })
  })
  await page.reload()
}

const awake = (page: Page): Promise<{ asked: number; released: number }> =>
  page.evaluate(() => (window as unknown as { awake: { asked: number; released: number } }).awake)

if (!browser) {
  // said by chromium.ts
} else if (process.env.RADIOGRAD_ENGINES !== 'all')
  console.log('skip: trouble in the page, a minute or two with RADIOGRAD_ENGINES=all')
else
  test('folder dialog, weights by address, too large a batch, pause, a full disk, stop, offline', async () => {
    const server = await serve({}, { folder: join(root, 'dist/page') })
    const host = await weightsHost()
    try {
      await atAddress(`${server.url}/`, async (page) => {
        const { requests } = await person.watch(page)
        const alert = page.getByRole('alert')
        const button = (name: string) => page.getByRole('button', { name, exact: true })
        await prepare(page)

        await button('Choose a folder').click()
        await page.getByRole('heading', { name: 'pictures' }).waitFor()
        await person.choose(page, { fields: { Epochs: '40' } })

        // Weights from an address: that host alone is asked.
        await page.getByText('From an address').click()
        const fetchFrom = async (address: string) => {
          await page.getByLabel('Address', { exact: true }).fill(address)
          await button('Fetch').click()
        }
        await fetchFrom(`${host.url}/moved.safetensors`)
        await page.getByText(/must not send it on to another host/).waitFor()
        await fetchFrom(`${host.url}/other.safetensors`)
        await page.getByText('other.safetensors is kept').waitFor()
        assert.is(host.reached(), 0, 'where the host sent it on to')
        const elsewhere = requests.filter((url) => /^http/.test(url) && !url.startsWith(server.url))
        assert.ok(elsewhere.length <= 3 && elsewhere.some((url) => url.startsWith(host.url)), `${elsewhere}`)

        // More images at a time than fit: what would is said, and set.
        await page.getByLabel('Batch size', { exact: true }).fill('24')
        await page.getByLabel('Image size', { exact: true }).fill('1024')
        await button('Estimate memory and time').click()
        await alert.getByText(/24 images at a time do not fit/).waitFor()
        const fits = Number(/(\d+) at a time would fit/.exec((await alert.textContent())!)![1])
        assert.ok(fits >= 1 && fits < 24, `${fits}`)
        assert.is(await page.getByLabel('Batch size', { exact: true }).inputValue(), String(fits))
        await lookAt(page, 'too-large')
        await page.getByLabel('Batch size', { exact: true }).fill('8')
        await page.getByLabel('Image size', { exact: true }).fill('32')

        await button('Start training').click()
        await alert.getByText(/^These weights are of another model\..*other\.safetensors/).waitFor()
        await person.step(page, 'Model')
        await page.getByLabel('Kept in this browser').selectOption('none: start from chance')
        await button('Start training').click()
        await page.getByRole('heading', { name: 'Accuracy' }).waitFor()
        await button('Pause').click()
        await page.getByText(/^Paused\. Everything is saved/).waitFor()
        assert.equal(await awake(page), { asked: 2, released: 2 }) // the refused start too
        await lookAt(page, 'paused')

        // The disk is full: what was saved stays, and training goes on when there is space again.
        const devtools = await page.context().newCDPSession(page)
        const quota = (quotaSize?: number) =>
          devtools.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize })
        await quota(1)
        await button('Go on').click()
        await alert
          .getByText(/^The browser has no space left for this page\. What was saved before is still there/)
          .waitFor()
        await lookAt(page, 'no-space')
        await quota()
        await button('Go on').click()
        await page.getByText('Running', { exact: true }).waitFor()
        await button('Stop and keep the best').click()
        await page.getByRole('heading', { name: 'Result' }).waitFor()
        const { asked, released } = await awake(page)
        assert.is(asked, released)
        assert.is(asked, 4)
        const { epochs, bestEpoch } = (await person.keptJson(page, 'run.json')) as { epochs: number; bestEpoch: number }
        assert.ok(bestEpoch >= 1 && bestEpoch <= epochs && epochs < 40, `epoch ${bestEpoch} of ${epochs}`)

        // A file of weights is no trained model.
        await person.step(page, 'Use it')
        await page
          .getByLabel('Checkpoint (.safetensors)')
          .setInputFiles({ name: 'other.safetensors', mimeType: '', buffer: Buffer.from(OTHER) })
        await alert.getByText(/other\.safetensors.*must hold|other\.safetensors.*must be/).waitFor()
        console.log(`a checkpoint of something else: ${await alert.textContent()}`)

        // Without a network, and without the server.
        await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}))
        server.close()
        await page.context().setOffline(true)
        await page.goto(`${server.url}/#result`)
        await page.reload()
        await page.getByRole('row', { name: /^Sensitivity/ }).waitFor()
      })
    } finally {
      host.close()
      server.close()
    }
  })

test.run()
