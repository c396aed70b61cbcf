// A report as a browser shows it: on a desk and on a telephone, light, dark and printed, it asks for nothing, nothing is
// wider than the window, and axe-core finds nothing serious; and that a page can make one. Skipped without Chromium.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { AxeResults } from 'axe-core'
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { makeReport } from '../../src/report/report.js'
import { TWO, input, madeRun } from '../report/made.js'
import { browser, inPage } from './chromium.js'
import { EMPTY, root } from './serve.js'

const test = suite('report in a page')

/** The text of axe-core, which finds what a reader who does not see, or sees little, would stumble over. */
function axeCore(): string | null {
  try {
    return readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  } catch {
    console.log('skip: no axe-core is installed, the accessibility of a report was not looked at')
    return null
  }
}

/** Two browsers' Math.exp may differ in the last digit. */
const rounded = (json: string) =>
  JSON.stringify(JSON.parse(json, (_, value) => (typeof value === 'number' ? value.toPrecision(9) : value)))

if (browser) {
  test('nothing is asked for, nothing is wider than the window, charts take the colours of the page', async () => {
    const { page: text } = await makeReport(input([madeRun('resnet18', TWO, 0, 1), madeRun('vit', TWO, 1, 0.4)], true))
    await inPage({ '/': text }, async (page) => {
      const asked: string[] = []
      const said: string[] = []
      const axe = axeCore()
      page.on('request', (request) => asked.push(request.url()))
      page.on('console', (message) => said.push(message.text()))
      const colours = new Set<string>()
      for (const width of [1280, 390])
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 900 })
          await page.emulateMedia({ colorScheme, media: 'screen' })
          assert.ok(
            (await page.evaluate(() => document.documentElement.scrollWidth)) <= width,
            `${width} ${colorScheme}`,
          )
          // Both widths and both colours once.
          if (axe && (width === 1280) === (colorScheme === 'light')) {
            const { violations, passes } = await page.evaluate(async (text): Promise<AxeResults> => {
              const tool = globalThis as unknown as { axe?: { run: () => Promise<AxeResults> } }
              if (!tool.axe) new Function(text)()
              return tool.axe!.run()
            }, axe)
            const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)
            assert.equal(found, [], `${width} ${colorScheme}`)
            assert.ok(passes.some(({ id }) => id === 'color-contrast') && passes.some(({ id }) => id === 'svg-img-alt'))
          }
          colours.add(
            await page.evaluate(() => getComputedStyle(document.querySelector('figure svg')!).backgroundColor),
          )
        }
      await page.emulateMedia({ media: 'print' })
      assert.is(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)')
      assert.is(colours.size, 2)
      await page.reload()
      assert.is(asked.filter((url) => !url.startsWith('data:')).length, 1) // the page itself
      assert.equal(said, [])
    })
  })

  test('a page makes the report that Node makes', async () => {
    const made = input([madeRun('resnet18', TWO, 0, 1), madeRun('vit', TWO, 1, 0.4)], true)
    const here = await makeReport(made)
    const picture = { width: 2, height: 2, data: [...made.pictures.values()][0].data }
    const { outputFiles } = await build({
      entryPoints: [join(root, 'dist/src/report.js')],
      bundle: true,
      format: 'iife',
      globalName: 'reports',
      conditions: ['browser'],
      platform: 'browser',
      logLevel: 'error',
      write: false,
    })
    const there = await inPage({ '/': EMPTY }, async (page) => {
      await page.addScriptTag({ content: outputFiles[0].text })
      return page.evaluate(
        async ({ text, files, bytes }) => {
          const { makeReport: make } = (globalThis as unknown as { reports: { makeReport: typeof makeReport } }).reports
          const image = { width: 2, height: 2, data: Uint8Array.from(bytes) }
          const revive = (key: string, value: unknown) =>
            key === 'values'
              ? Float32Array.from(value as number[])
              : key === 'image' || key === 'picture' || key === 'heatMap'
                ? image
                : value
          const plain = JSON.parse(text, revive)
          const report = await make({ ...plain, pictures: new Map(files.map((file) => [file, image])) })
          return { page: report.page, results: JSON.stringify(report.results), names: [...report.figures.keys()] }
        },
        {
          text: JSON.stringify(made, (_, value) => (ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value)),
          files: [...made.pictures.keys()],
          bytes: [...picture.data],
        },
      )
    })
    assert.ok(rounded(there.results) === rounded(JSON.stringify(here.results)), 'results, to nine digits')
    assert.equal(there.names, [...here.figures.keys()])
    // Charts are drawn to half a pixel where a screen has such; JPEGs are the browser's own.
    const texts = (page: string) => page.replace(/base64,[^"]*/g, '').replace(/(<svg [^>]*>)[^]*?<\/svg>/g, '$1')
    assert.ok(texts(there.page) === texts(here.page), 'the page, pictures aside')
  })
}

test.run()
