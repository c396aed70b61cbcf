// What a person does with the page, by roles and labels, and what is looked at on the way: axe-core, the width of a
// telephone, requests, tasks that block the page. RADIOGRAD_SCREENSHOTS names a folder for pictures of every state.
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'

/** Drops a file or folder of this machine, as the mouse would. */
export async function drop(page: Page, where: string, path: string): Promise<void> {
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

export const step = (page: Page, name: string) => page.getByRole('navigation').getByRole('link', { name }).click()

/** From the images to a model that is ready to be trained; fields by their labels. */
export async function choose(
  page: Page,
  {
    model = 'resnet18',
    fields = {},
    more = {},
    trained = 'the last layer: quick, little memory',
  }: { model?: string; fields?: Record<string, string>; more?: Record<string, string>; trained?: string } = {},
): Promise<void> {
  await page.getByRole('button', { name: 'Choose a model' }).click()
  const fill = async (texts: Record<string, string>) => {
    for (const [label, text] of Object.entries(texts)) await page.getByLabel(label, { exact: true }).fill(text)
  }
  await page.getByLabel('Model', { exact: true }).selectOption(model)
  await fill({ Epochs: '2', 'Batch size': '4', 'Learning rate': '0.001', ...fields })
  await page.getByLabel('What is trained').selectOption({ label: trained })
  await page.getByText('More settings').click()
  await fill({ 'Image size': '32', ...more })
}

/** The figures of a measure, as the table of the result has them: value and interval. */
export const figuresOf = (page: Page, measure: RegExp): Promise<string[]> =>
  page.getByRole('row', { name: measure }).getByRole('cell').allTextContents()

/** Drags the threshold to 0: every image is called positive. Back again, the figures are as before. */
export async function dragThreshold(page: Page): Promise<void> {
  const before = await figuresOf(page, /^Sensitivity/)
  await page.getByRole('slider', { name: 'Threshold' }).fill('0')
  assert.is((await figuresOf(page, /^Sensitivity/))[0], '1.000')
  const [negative] = await figuresOf(page, /^NORMAL/)
  assert.is(negative, '0')
  // Drawn in other colours and back, the chart shows the same threshold.
  const drawn = async () => {
    await page.waitForTimeout(300)
    const chart = page.getByRole('img', { name: /^ROC curve/ }).locator('canvas')
    return chart.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL())
  }
  const chart = await drawn()
  await page.emulateMedia({ colorScheme: 'dark' })
  assert.ok((await drawn()) !== chart, 'the ROC curve in dark colours')
  await page.emulateMedia({ colorScheme: 'light' })
  assert.ok((await drawn()) === chart, 'the ROC curve in light colours again')
  await page.getByRole('button', { name: /^Back to/ }).click()
  assert.equal(await figuresOf(page, /^Sensitivity/), before)
}

/** Presses a button and keeps the file that comes of it. */
export async function download(page: Page, button: string, path: string): Promise<void> {
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: button }).click()
  await (await saved).saveAs(path)
}

/** A file of the run that the page keeps, in base64. */
export const keptFile = (page: Page, name: string): Promise<string> =>
  page.evaluate(async (name) => {
    const run = await (await navigator.storage.getDirectory()).getDirectoryHandle('run')
    const bytes = new Uint8Array(await (await (await run.getFileHandle(name)).getFile()).arrayBuffer())
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  }, name)

export const keptJson = async (page: Page, name: string): Promise<unknown> =>
  JSON.parse(Buffer.from(await keptFile(page, name), 'base64').toString())

/** Of what a run leaves that was interrupted or not; made in the page, as a checkpoint takes long to come here. */
export const digests = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const run = await (await navigator.storage.getDirectory()).getDirectoryHandle('run')
    const digest = async (name: string) => {
      const bytes = await (await (await run.getFileHandle(name)).getFile()).arrayBuffer()
      return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).join()
    }
    return Promise.all(['metrics.json', 'predictions.csv', 'best.safetensors'].map(digest))
  })

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const PICTURES = process.env.RADIOGRAD_SCREENSHOTS

interface AxeRule {
  id: string
  impact: string
  nodes: { html: string }[]
}

/** What axe-core finds serious in the page as it stands, light and dark; that it fits a telephone, and names no flag. */
export async function lookAt(page: Page, state: string): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in window))) {
    // Through the debugger, which the page's policy does not bind.
    await page.evaluate(readFileSync(AXE, 'utf8'))
  }
  const flag = await page.evaluate(() => /(?:^|[\s(])--[a-z][\w-]*/.exec(document.body.innerText)?.[0])
  assert.is(flag, undefined, `${state}: a flag of the command line`)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const found = await page.evaluate(async (dark) => {
      type Run = (where: Element | Document, options: { runOnly?: string[] }) => Promise<{ violations: AxeRule[] }>
      const { axe } = window as unknown as { axe: { run: Run } }
      // What is drawn only when it comes into view is not looked at else.
      const later = [...document.querySelectorAll<HTMLElement>('.pictures li')]
      for (const { style } of later) style.contentVisibility = 'visible'
      // What lies behind a dialog was looked at before; in the dark nothing but colours is new.
      const where = document.querySelector('dialog[open]') ?? document
      const { violations } = await axe.run(where, dark ? { runOnly: ['color-contrast'] } : {})
      for (const { style } of later) style.contentVisibility = ''
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`)
    }, colorScheme === 'dark')
    assert.equal(found, [], `${state}, ${colorScheme}`)
    if (PICTURES) await picture(page, state, colorScheme)
  }
  await page.setViewportSize({ width: 390, height: 844 })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 390, `${state}: ${wide} pixels wide on a telephone`)
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
}

async function picture(page: Page, state: string, colorScheme: string): Promise<void> {
  mkdirSync(PICTURES!, { recursive: true })
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 })
    await page.waitForTimeout(300) // charts are drawn anew
    const modal = await page.getByRole('dialog').count()
    const path = (part: string) => join(PICTURES!, `${state}${part}-${width}-${colorScheme}.png`)
    await page.screenshot({ path: path(''), fullPage: !modal })
    // What comes into view late is not in a picture of the whole.
    if (modal || !(await page.locator('.pictures').count())) continue
    await page.locator('.pictures').scrollIntoViewIfNeeded()
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
    await page.waitForTimeout(1000)
    await page.screenshot({ path: path('-end') })
    await page.evaluate(() => scrollTo(0, 0))
  }
  await page.setViewportSize({ width: 1280, height: 900 })
}

/** What happens behind a person's back: addresses that are asked, and tasks that block the page. */
export interface Watched {
  requests: readonly string[]
  /** Milliseconds of those above 50, the longest first, since the last time this was asked. */
  longTasks(): Promise<number[]>
}

export async function watch(page: Page): Promise<Watched> {
  const requests: string[] = []
  page.context().on('request', (request) => requests.push(request.url()))
  const observe = () => {
    const long: number[] = []
    Object.assign(window, { long })
    const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)))
    observer.observe({ type: 'longtask' })
  }
  await page.evaluate(observe)
  return {
    requests,
    async longTasks() {
      const long = await page.evaluate(() => (window as unknown as { long: number[] }).long.splice(0))
      return long.sort((a, b) => b - a).map(Math.round)
    },
  }
}

/**
 * Milliseconds of processor time that the longest task of the page's own thread takes during `work`: how long it would
 * block the page where nothing else runs, whatever runs beside it here.
 */
export async function longestWork(page: Page, work: () => Promise<void>): Promise<number> {
  const browser = page.context().browser()!
  await browser.startTracing(page, { categories: ['toplevel'] })
  await work()
  interface TraceEvent {
    name: string
    pid: number
    tid: number
    tdur?: number
    args: { name?: string }
  }
  const { traceEvents: events } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] }
  const key = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const mains = new Set(events.filter(({ args }) => args?.name === 'CrRendererMain').map(key))
  const tasks = events.filter((event) => event.tdur !== undefined && mains.has(key(event)))
  assert.ok(tasks.length > 10, `${tasks.length} tasks were recorded`)
  return Math.max(...tasks.map(({ tdur }) => tdur! / 1000))
}

/** That nothing left the origin, and that the policy refuses what would. */
export async function nothingLeft(page: Page, { requests }: Watched, origin: string): Promise<void> {
  assert.equal(
    requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith('blob:')),
    [],
  )
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
}
