// The page as a person uses it, by roles and labels, in headless Chromium on SwiftShader: images, model, training,
// result, use. No request leaves the origin, the policy refuses one, and the command line finds the same metrics.
// journey.test.ts does the same with real radiographs, when it is asked to.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { type Page, chromium } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { syntheticFiles } from '../../src/data/synthetic.js'
import { crc32 } from '../../src/util/crc32.js'
import { radiograd, scratch } from '../cli/command.js'
import { FLAGS, PATIENCE_MS, atAddress, browser, useChromiumsDriver } from './chromium.js'
import * as person from './person.js'
import { lookAt } from './person.js'
import { root, serve } from './serve.js'

/** Some minutes more: see engines.test.ts. */
const EVERYTHING = process.env.RADIOGRAD_ENGINES === 'all'
/** Long enough to be killed. */
const CHOICE = EVERYTHING ? { fields: { Epochs: '4' } } : {}

const test = suite('page')
const dir = scratch()

/** Files of the generated set below a folder, with one that is broken and one that is far too large. */
function writeImages(folder: string): void {
  const files = [...syntheticFiles({ train: 24, test: 8, size: 32 })]
  for (const { path, bytes } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  writeFileSync(join(folder, 'train/NORMAL/broken.png'), files[0].bytes.subarray(0, 60))
  // Its header alone says 12,000 × 12,000 pixels; nobody looks further.
  const huge = files[0].bytes.slice()
  const view = new DataView(huge.buffer, huge.byteOffset)
  for (const at of [16, 20]) view.setUint32(at, 12_000)
  view.setUint32(29, crc32(huge.subarray(12, 29)))
  writeFileSync(join(folder, 'train/NORMAL/huge.png'), huge)
}

/** What must come before anything is shown stays small; when that was is told, and no verdict. */
async function firstView(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Images' }).waitFor()
  const { names, shown } = await page.evaluate(() => ({
    names: performance.getEntriesByType('resource').map(({ name }) => name),
    shown: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
  }))
  // What the page's own thread asked for; the service worker fetches the rest afterwards.
  const files = ['index.html', ...names.filter((url) => url.startsWith('http')).map((url) => url.split('/').at(-1)!)]
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(root, 'dist/page', file))).length, 0)
  console.log(`page: first view ${size} bytes gzipped in ${files.length} files, shown after ${Math.round(shown)} ms`)
  assert.ok(files.length > 2 && size < 200_000, `${size} bytes: ${files}`)
}

let whole: string[] | undefined

if (browser)
  test('from a dropped folder to a heat map; no request leaves the origin, and the command line agrees', async () => {
    const images = join(dir, 'images')
    writeImages(images)
    const server = await serve({}, { folder: join(root, 'dist/page') })
    try {
      const checkpoint = join(dir, 'best.safetensors')
      const metrics = await atAddress(`${server.url}/`, async (page) => {
        const watched = await person.watch(page)
        await firstView(page)
        await lookAt(page, 'empty')

        await person.drop(page, 'Choose images', images)
        await page.getByText('2 files that cannot be read').click()
        await page.getByText(/huge\.png: .*25 million pixels \(the limit of this page\)/).waitFor()
        await page.getByText(/train\/NORMAL\/broken\.png: /).waitFor()
        await lookAt(page, 'images')

        await person.choose(page, CHOICE)
        await page.getByRole('button', { name: 'What is “Epochs”?' }).click()
        await page.getByText('One pass over all training images.').waitFor()
        await page.keyboard.press('Escape')
        await lookAt(page, 'model')

        const begun = await person.longestWork(page, async () => {
          await page.getByRole('button', { name: 'Start training' }).click()
          await page.getByRole('heading', { name: 'Loss' }).waitFor()
        })
        await lookAt(page, 'training')
        const ended = await person.longestWork(page, () => page.getByRole('heading', { name: 'Result' }).waitFor())
        console.log(
          `page: longest tasks while training ${begun.toFixed(0)} and ${ended.toFixed(0)} ms of processor time`,
        )
        assert.ok(begun < 100 && ended < 100, `${begun} and ${ended} ms`)
        await person.dragThreshold(page)
        await lookAt(page, 'result')

        await person.download(page, 'Download checkpoint', checkpoint)
        await page
          .getByRole('button', { name: /Show heat map$/ })
          .first()
          .click()
        const dialog = page.getByRole('dialog')
        await dialog.getByRole('img', { name: /^Heat map for / }).waitFor()
        // ResNet18 at 32 pixels.
        await dialog.getByText(/^The map (?:has one cell, which colours the whole image alike|is empty)/).waitFor()
        await lookAt(page, 'heat-map')
        await page.keyboard.press('Escape')

        await person.step(page, 'Use it')
        await page
          .getByLabel('Images', { exact: true })
          .setInputFiles(join(images, 'test/PNEUMONIA/synthetic-test-0004.png'))
        await page.getByRole('img', { name: /^Heat map for .* over synthetic-test-0004\.png$/ }).waitFor()
        await lookAt(page, 'use')

        await person.nothingLeft(page, watched, server.url)
        whole = await person.digests(page)
        return person.keptJson(page, 'metrics.json')
      })

      useChromiumsDriver()
      const { code, stdout, stderr } = await radiograd(['eval', '--data', images, '--checkpoint', checkpoint, '--json'])
      assert.is(code, 0, stderr)
      assert.equal(JSON.parse(stdout), metrics)
    } finally {
      server.close()
    }
  })

/** A zip of so many images under names of their own, of a few pictures. */
function manyImages(n: number): Buffer {
  const pictures = [...syntheticFiles({ train: 12, test: 4, size: 16 })]
  const files = Array.from({ length: n }, (_, i) => {
    const { path, bytes } = pictures[i % pictures.length]
    return [`many/${path.replace(/[^/]*$/, '')}${i}.png`, bytes] as const
  })
  return Buffer.from(zipSync(Object.fromEntries(files), { level: 0 }))
}

if (browser)
  test('two thousand images: few are drawn, and a training that begins keeps them some at a time', async () => {
    const server = await serve({}, { folder: join(root, 'dist/page') })
    try {
      await atAddress(`${server.url}/`, async (page) => {
        await page.addInitScript(() => {
          const seen = { drawn: 0, kept: [] as number[] }
          const { createImageBitmap: draw } = window
          const { put } = IDBObjectStore.prototype
          window.createImageBitmap = (async (...args: Parameters<typeof draw>) => {
            seen.drawn++
            return draw(...args)
          }) as typeof draw
          IDBObjectStore.prototype.put = function (this: IDBObjectStore, value: unknown, key?: IDBValidKey) {
            if (Array.isArray(value)) seen.kept.push(value.length)
            return put.call(this, value, key)
          }
          Object.assign(window, { seen })
        })
        await page.reload()
        const seen = () => page.evaluate(() => (window as unknown as { seen: { drawn: number; kept: number[] } }).seen)
        await page.getByText('Other ways').click()
        await page
          .getByLabel('Zip file of such a folder')
          .setInputFiles({ name: 'many.zip', mimeType: 'application/zip', buffer: manyImages(2000) })
        await page.getByRole('button', { name: 'Choose a model' }).waitFor()
        await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
        await page.waitForFunction(() => !document.querySelector('.samples canvas.coming'))
        assert.is((await seen()).drawn, 12)
        await person.choose(page, { more: { 'Use only so many images': '8' } })
        await page.getByRole('button', { name: 'Start training' }).click()
        await page.waitForFunction(() => {
          const { kept } = (window as unknown as { seen: { kept: number[] } }).seen
          return kept.reduce((sum, n) => sum + n, 0) === 2000
        })
        const { kept, drawn } = await seen()
        assert.ok(Math.max(...kept) <= 200, `${kept}`)
        assert.is(drawn, 12)
      })
    } finally {
      server.close()
    }
  })

if (browser && EVERYTHING)
  test('a browser that is killed goes on with the training, a lost device is replaced: the same bytes', async () => {
    const images = join(dir, 'images')
    const server = await serve({}, { folder: join(root, 'dist/page') })
    const open = async () => {
      const { executablePath } = browser!
      const context = await chromium.launchPersistentContext(join(dir, 'profile'), { executablePath, args: FLAGS })
      context.setDefaultTimeout(PATIENCE_MS)
      const page = context.pages()[0]
      await page.goto(`${server.url}/`)
      return { context, page }
    }
    try {
      const kill = async ({ context, page }: Awaited<ReturnType<typeof open>>) => {
        const ended = new Promise((done) => context.once('close', done))
        const devtools = await context.newCDPSession(page)
        await Promise.all([ended, devtools.send('Browser.crash').catch(() => {})])
      }
      const early = await open()
      await person.drop(early.page, 'Choose images', images)
      await person.choose(early.page, CHOICE)
      await early.page.getByRole('button', { name: 'Start training' }).click()
      await early.page.getByText(/images are decoded, and the graphics processor is prepared/).waitFor()
      await kill(early)

      const first = await open()
      // Whichever came first, the end or the state before the first step.
      await first.page.getByText(/before anything of it was saved|A training was interrupted/).waitFor()
      const goOn = first.page.getByRole('button', { name: 'Go on with the training' })
      if (await goOn.count()) await goOn.click()
      else {
        const alert = first.page.getByRole('alert')
        const said = await alert.textContent()
        const kept = said!.includes('still here')
        if (!kept) await person.drop(first.page, 'Choose images', images)
        await first.page.getByRole('heading', { name: 'What to know before training' }).waitFor()
        if (kept) {
          // It stays, whatever else the page does at its beginning.
          assert.is(await alert.textContent(), said)
          await first.page.getByRole('button', { name: 'Close' }).click()
          await person.step(first.page, 'Model')
        } else await person.choose(first.page, CHOICE)
        await first.page.getByRole('button', { name: 'Start training' }).click()
      }
      await first.page.getByRole('heading', { name: 'Accuracy' }).waitFor()
      await kill(first)

      const { context, page } = await open()
      await page.getByRole('button', { name: 'Go on with the training' }).click()
      await page.getByText('Running', { exact: true }).waitFor()
      const other = await context.newPage()
      await other.goto('chrome://gpucrash').catch(() => {})
      await other.close()
      await page.getByRole('heading', { name: 'Result' }).waitFor()
      assert.equal(await person.digests(page), whole)
      await context.close()
    } finally {
      server.close()
    }
  })

test.run()
