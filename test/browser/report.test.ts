// A report as a browser shows it: on a desk and on a telephone, light, dark and printed, it asks for nothing and nothing
// is wider than the window. Skipped without Chromium.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { makeReport } from '../../src/report/report.js'
import { TWO, input, madeRun } from '../report/made.js'
import { browser, inPage } from './chromium.js'

const test = suite('report in a page')

if (browser)
  test('nothing is asked for, nothing is wider than the window, charts take the colours of the page', async () => {
    const { page: text } = await makeReport(input([madeRun('resnet18', TWO, 0, 1), madeRun('vit', TWO, 1, 0.4)], true))
    await inPage({ '/': text }, async (page) => {
      const asked: string[] = []
      const said: string[] = []
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

test.run()
