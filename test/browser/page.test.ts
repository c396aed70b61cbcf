// The page as a person uses it, by roles and labels, in headless Chromium on SwiftShader: images, model, training,
// result, use. No request leaves the origin, the policy refuses one, and the command line finds the same metrics.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Page, chromium } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { syntheticFiles } from '../../src/data/synthetic.js'
import { crc32 } from '../../src/util/crc32.js'
import { radiograd, scratch } from '../cli/command.js'
import { FLAGS, atAddress, browser, useChromiumsDriver } from './chromium.js'
import { root, serve } from './serve.js'

const test = suite('page')
const dir = scratch()
const LONG = { timeout: 300_000 }

/** Files of the generated set below a folder, with one that is broken and one that is far too large. */
function writeImages(folder: string): void {
  const files = [...syntheticFiles({ train: 40, test: 16, size: 32 })]
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

/** Drops a file or folder of this machine, as the mouse would. */
async function drop(page: Page, where: string, path: string): Promise<void> {
  const box = (await page.getByRole('region', { name: where }).boundingBox())!
  const at = { x: box.x + 20, y: box.y + 20 }
  const devtools = await page.context().newCDPSession(page)
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await devtools.send('Input.dispatchDragEvent', {
      ...at,
      type,
      data: { items: [], files: [path], dragOperationsMask: 1 },
    })
  await devtools.detach()
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** What axe-core finds serious in the page as it stands, light and dark, on a desk and on a telephone. */
async function accessible(page: Page): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in window))) {
    // Through the debugger, which the page's policy does not bind.
    await page.evaluate(readFileSync(AXE, 'utf8'))
  }
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const found = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeRule[] }> } }
      const { violations } = await axe.run()
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
    })
    assert.equal(found, [], colorScheme)
  }
  await page.setViewportSize({ width: 390, height: 844 })
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, 'wider than a telephone')
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
}

interface AxeRule {
  id: string
  impact: string
  nodes: { html: string }[]
}

/** From the images to a model that is ready to be trained. */
async function choose(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Choose a model' }).click()
  for (const [label, text] of Object.entries({ Epochs: '2', 'Batch size': '4', 'Learning rate': '0.001' }))
    await page.getByLabel(label, { exact: true }).fill(text)
  await page.getByLabel('What is trained').selectOption({ label: 'the last layer alone: quick, little memory' })
  await page.getByText('More settings').click()
  await page.getByLabel('Image size', { exact: true }).fill('32')
}

/** A file of the run that the page keeps, in base64. */
const keptFile = (page: Page, name: string): Promise<string> =>
  page.evaluate(async (name) => {
    const run = await (await navigator.storage.getDirectory()).getDirectoryHandle('run')
    const bytes = new Uint8Array(await (await (await run.getFileHandle(name)).getFile()).arrayBuffer())
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  }, name)

/** What a run that was not interrupted leaves. */
const RESULTS = ['metrics.json', 'predictions.csv', 'best.safetensors']
const digests = async (page: Page): Promise<string[]> => {
  const files = []
  for (const name of RESULTS) files.push(await keptFile(page, name))
  return files.map((file) => createHash('sha256').update(file).digest('hex'))
}
let whole: string[] | undefined

const step = (page: Page, name: string) => page.getByRole('navigation').getByRole('link', { name }).click()

if (browser)
  test('from a dropped folder to a heat map; no request leaves the origin, and the command line agrees', async () => {
    const images = join(dir, 'images')
    writeImages(images)
    const server = await serve({}, { folder: join(root, 'dist/page') })
    try {
      const out = join(dir, 'out')
      mkdirSync(out)
      const metrics = await atAddress(`${server.url}/`, async (page) => {
        const asked: string[] = []
        page.context().on('request', (request) => asked.push(request.url()))
        await page.evaluate(() => {
          const long: number[] = []
          Object.assign(window, { long })
          new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration))).observe({
            type: 'longtask',
          })
        })
        await accessible(page)

        await drop(page, 'Choose images', images)
        await page.getByText('2 files that cannot be read').click()
        await page.getByText(/huge\.png: .*25 million pixels/).waitFor()
        await page.getByText(/train\/NORMAL\/broken\.png: /).waitFor()
        await accessible(page)

        await choose(page)
        await page.getByRole('button', { name: 'What is “Epochs”?' }).click()
        await page.getByText('One pass over all training images.').waitFor()
        await page.keyboard.press('Escape')
        await accessible(page)

        await page.getByRole('button', { name: 'Start training' }).click()
        await page.getByRole('heading', { name: 'Loss' }).waitFor(LONG)
        await accessible(page)
        await page.getByRole('heading', { name: 'Result' }).waitFor(LONG)

        const figures = () =>
          page
            .getByRole('row', { name: /^Sensitivity/ })
            .getByRole('cell')
            .allTextContents()
        const before = await figures()
        await page.getByRole('slider', { name: 'Threshold' }).fill('0')
        assert.is((await figures())[0], '1.000')
        assert.equal(
          await page
            .getByRole('row', { name: /^NORMAL/ })
            .getByRole('cell')
            .allTextContents(),
          ['0', '6'],
        )
        await page.getByRole('button', { name: /^Back to/ }).click()
        assert.equal(await figures(), before)
        await accessible(page)

        for (const [button, file] of [
          ['Download checkpoint', 'best.safetensors'],
          ['Download table (CSV)', 'predictions.csv'],
          ['Download report', 'report.html'],
        ]) {
          const saved = page.waitForEvent('download', LONG)
          await page.getByRole('button', { name: button }).click()
          await (await saved).saveAs(join(out, file))
        }

        await page
          .getByRole('button', { name: /Show heat map$/ })
          .first()
          .click()
        const dialog = page.getByRole('dialog')
        await dialog.getByRole('img', { name: /^Heat map for / }).waitFor(LONG)
        await accessible(page)
        await page.keyboard.press('Escape')

        await step(page, 'Use it')
        await page
          .getByLabel('Images', { exact: true })
          .setInputFiles(join(images, 'test/PNEUMONIA/synthetic-test-0004.png'))
        await page.getByRole('img', { name: /^Heat map for .* over synthetic-test-0004\.png$/ }).waitFor(LONG)
        await accessible(page)

        const elsewhere = asked.filter((url) => !url.startsWith(`${server.url}/`) && !url.startsWith(`blob:`))
        assert.equal(elsewhere, [])
        const refused = await page.evaluate(async () => {
          const violated = new Promise<string>((done) =>
            document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective)),
          )
          const answer = await fetch('http://127.0.0.1:9/').then(
            () => 'went out',
            () => 'refused',
          )
          return [answer, await violated]
        })
        assert.equal(refused, ['refused', 'connect-src'])
        const long = await page.evaluate(() => (window as unknown as { long: number[] }).long)
        console.log(
          `page: ${asked.length} requests, longest tasks ${long
            .sort((a, b) => b - a)
            .slice(0, 5)
            .map(Math.round)} ms`,
        )

        whole = await digests(page)
        return JSON.parse(Buffer.from(await keptFile(page, 'metrics.json'), 'base64').toString()) as unknown
      })

      useChromiumsDriver()
      const checkpoint = join(out, 'best.safetensors')
      const { code, stdout, stderr } = await radiograd(['eval', '--data', images, '--checkpoint', checkpoint, '--json'])
      assert.is(code, 0, stderr)
      assert.equal(JSON.parse(stdout), metrics)
      const { measures } = metrics as { measures: { auc: { estimate: number } } }
      const report = readFileSync(join(out, 'report.html'), 'utf8')
      assert.match(report, '</html>')
      assert.match(report, measures.auc.estimate.toFixed(3))
    } finally {
      server.close()
    }
  })

/** A minute more: see engines.test.ts. */
if (browser && process.env.RADIOGRAD_ENGINES === 'all')
  test('a browser that is killed goes on with the training, a lost device is replaced: the same bytes', async () => {
    const images = join(dir, 'images')
    const server = await serve({}, { folder: join(root, 'dist/page') })
    const open = async () => {
      const { executablePath } = browser!
      const context = await chromium.launchPersistentContext(join(dir, 'profile'), { executablePath, args: FLAGS })
      const page = context.pages()[0]
      await page.goto(`${server.url}/`)
      return { context, page }
    }
    try {
      const first = await open()
      await drop(first.page, 'Choose images', images)
      await choose(first.page)
      await first.page.getByRole('button', { name: 'Start training' }).click()
      await first.page.getByRole('heading', { name: 'Accuracy' }).waitFor(LONG)
      const ended = new Promise((done) => first.context.once('close', done))
      const devtools = await first.context.newCDPSession(first.page)
      await Promise.all([ended, devtools.send('Browser.crash').catch(() => {})])

      const { context, page } = await open()
      await page.getByRole('button', { name: 'Go on with the training' }).click()
      await page.getByText('Training', { exact: true }).first().waitFor()
      const other = await context.newPage()
      await other.goto('chrome://gpucrash').catch(() => {})
      await other.close()
      await page.getByRole('heading', { name: 'Result' }).waitFor(LONG)
      assert.equal(await digests(page), whole)
      await context.close()
    } finally {
      server.close()
    }
  })

test.run()
