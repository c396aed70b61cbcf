// The README's page, in headless Chromium on SwiftShader: it gives the losses that Node gets on the same driver.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { browser, inPage, useChromiumsDriver } from './chromium.js'
import { EMPTY, root } from './serve.js'

const test = suite('browser')

test('the bundle holds nothing of Node', async () => {
  const text = await readFile(join(root, 'dist/browser/index.js'), 'utf8')
  assert.not.match(text, /["']node:|require\(["'](fs|path|os|worker_threads)["']\)/)
  assert.not.match(text, /child_process|dawn\.node/)
})

if (browser) {
  test('the operator of docs/own-operators.md computes in a page what it computes in Node', async () => {
    const [, program] = /^```js\n([\s\S]*?)^```/m.exec(readFileSync(join(root, 'docs/own-operators.md'), 'utf8'))!
    const there = await inPage({ '/': EMPTY }, async (page) => {
      const said = page.waitForEvent('console', { predicate: (message) => message.type() === 'log' })
      await page.addScriptTag({ type: 'module', content: program.replace("'radiograd'", "'/browser/index.js'") })
      return Promise.all((await said).args().map((arg) => arg.evaluate((array) => Array.from(array as number[]))))
    })
    const file = join(root, `dist/own-operator-${process.pid}.mjs`)
    try {
      const inNode = program.replace(/console\.log\((.*)\)/, 'console.log(JSON.stringify([$1].map((a) => [...a])))')
      assert.is.not(inNode, program)
      writeFileSync(file, inNode)
      useChromiumsDriver()
      assert.equal(there, JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' })))
    } finally {
      rmSync(file, { force: true })
    }
  })

  test("the README's page trains, and its program gives the same losses in Node", async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const html = /^```html\n([\s\S]*?)^```/m.exec(readme)![1]
    const losses = (lines: readonly string[]) => lines.map(Number).filter(Number.isFinite)
    const there = await inPage({ '/': html.replaceAll('./dist/', '/') }, async (page) => {
      await page.waitForFunction(() => document.querySelectorAll('li').length === 3, null, { timeout: 120_000 })
      return losses(await page.locator('li').allTextContents())
    })
    // The same script in Node, which prints instead of writing into the page.
    const script = /<script type="module">\n([\s\S]*?)<\/script>/.exec(html)![1]
    const file = join(root, `dist/readme-page-${process.pid}.mjs`)
    const place = mkdtempSync(join(tmpdir(), 'radiograd-page-'))
    try {
      writeFileSync(
        file,
        script
          .replace(/'\.\/dist\/browser\/index\.js'/, "'radiograd'")
          .replace(
            /document\.querySelector\('ol'\)\.insertAdjacentHTML\('beforeend', `<li>(.*)`\)/,
            'console.log(`$1`)',
          ),
      )
      useChromiumsDriver()
      const here = losses(execFileSync(process.execPath, [file], { cwd: place, encoding: 'utf8' }).trim().split('\n'))
      assert.is(here.length, 3)
      assert.ok(here[2] < here[0], `losses ${here}`)
      assert.equal(there, here)
    } finally {
      rmSync(file, { force: true })
      rmSync(place, { recursive: true })
    }
  })
}

test.run()
