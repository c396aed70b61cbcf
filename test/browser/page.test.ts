// The page as a person uses it, by roles and labels, in headless Chromium on SwiftShader: images, model, training,
// result, use. No request leaves the origin, the policy refuses one, and the command line finds the same metrics.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { syntheticFiles } from '../../src/data/synthetic.js'
import { radiograd, scratch } from '../cli/command.js'
import { atAddress, browser, useChromiumsDriver } from './chromium.js'
import { root, serve } from './serve.js'

const test = suite('page')
const dir = scratch()
const LONG = { timeout: 300_000 }

/** Files of the generated set below a folder, one of them broken. */
function writeImages(folder: string): void {
  const files = [...syntheticFiles({ train: 40, test: 16, size: 32 })]
  for (const { path, bytes } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  writeFileSync(join(folder, 'train/NORMAL/broken.png'), files[0].bytes.subarray(0, 60))
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
        await page.getByText('1 file that cannot be read').click()
        await page.getByText(/train\/NORMAL\/broken\.png: /).waitFor()
        await accessible(page)

        await page.getByRole('button', { name: 'Choose a model' }).click()
        await page.getByLabel('Epochs', { exact: true }).fill('2')
        await page.getByLabel('Learning rate', { exact: true }).fill('0.001')
        await page.getByLabel('What is trained').selectOption({ label: 'the last layer alone: quick, little memory' })
        await page.getByText('More settings').click()
        await page.getByLabel('Image size', { exact: true }).fill('32')
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

        return page.evaluate(async () => {
          const run = await (await navigator.storage.getDirectory()).getDirectoryHandle('run')
          const file = await (await run.getFileHandle('metrics.json')).getFile()
          return JSON.parse(await file.text()) as unknown
        })
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

test.run()
