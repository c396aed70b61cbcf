// Much in the page, in Chromium on SwiftShader: six hundred results scrolled, memory while a large model is saved, and
// while 5,216 images of 224 pixels are looked at and trained on. Some minutes, so only with RADIOGRAD_LARGE, which says
// of how many images of the epoch memory is watched; with more than there are, until the result is shown.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { syntheticFiles } from '../../src/data/synthetic.js'
import { scratch } from '../cli/command.js'
import { atAddress, browser } from './chromium.js'
import * as person from './person.js'
import { root, serve } from './serve.js'

const test = suite('many images')
const watched = Number(process.env.RADIOGRAD_LARGE ?? 0)
const dir = scratch()
/** 5,216 radiographs to train on, where they are there. */
const real = join(root, '../shared/data/chest_xray')

function writeImages(folder: string, settings: Parameters<typeof syntheticFiles>[0]): string {
  for (const { path, bytes } of syntheticFiles(settings)) {
    mkdirSync(dirname(join(dir, folder, path)), { recursive: true })
    writeFileSync(join(dir, folder, path), bytes)
  }
  return join(dir, folder)
}

/**
 * Megabytes that the page's process has for itself: heaps and arrays of the page and all its workers, garbage too, and
 * what the browser keeps for them; of our renderers the largest. Left out are pages of files in memory, some 130 MB of
 * Chromium's program, which all its processes share. The heaps alone, as DevTools tells them, are about half.
 */
function ownMegabytes(): number {
  const of = (pid: string) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const field = (name: string) => new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? '0'
      return {
        parent: field('PPid'),
        kilobytes: Number(field('RssAnon')) + Number(field('RssShmem')),
        command: readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
      }
    } catch {
      return null // it has ended
    }
  }
  const processes = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => [pid, of(pid)]),
  )
  const isOurs = (pid: string): boolean =>
    pid === String(process.pid) || (processes.get(pid)?.parent !== undefined && isOurs(processes.get(pid)!.parent))
  const ours = [...processes].filter(([pid, one]) => one?.command.includes('--type=renderer') && isOurs(pid))
  return Math.max(0, ...ours.map(([, one]) => one!.kilobytes / 1024))
}

if (!watched) console.log('skip: many images in the page, some minutes with RADIOGRAD_LARGE=1000')
else if (browser) {
  test('600 results are scrolled', async () => {
    const images = writeImages('results', { train: 24, test: 600, size: 32 })
    const server = await serve({}, { folder: join(root, 'dist/page') })
    try {
      await atAddress(`${server.url}/`, async (page) => {
        const { longTasks } = await person.watch(page)
        await person.drop(page, 'Choose images', images)
        await person.choose(page, { fields: { Epochs: '1', 'Batch size': '8' } })
        await longTasks()
        await page.getByRole('button', { name: 'Start training' }).click()
        await page.getByRole('heading', { name: 'Result' }).waitFor()
        console.log(`while training and showing 600 results: longest tasks ${(await longTasks()).slice(0, 4)} ms`)
        await page
          .getByRole('button', { name: /Show heat map$/ })
          .nth(599)
          .waitFor({ state: 'attached' })
        await page.waitForTimeout(1000)
        await longTasks()
        await page.mouse.move(600, 500)
        const end = await page.evaluate(() => document.documentElement.scrollHeight)
        for (let at = 0; at < end; at += 400) {
          await page.mouse.wheel(0, 400)
          await page.waitForTimeout(30)
        }
        const long = await longTasks()
        console.log(
          `600 results, ${end} pixels scrolled: longest tasks ${long.slice(0, 4).join(', ') || 'under 50'} ms`,
        )
        await page.getByLabel('Order').selectOption('by file name')
        console.log(`in another order: longest tasks ${(await longTasks()).slice(0, 4).join(', ') || 'under 50'} ms`)
      })
    } finally {
      server.close()
    }
  })

  test('the state of ResNet18 trained whole is saved without a second place for it in memory', async () => {
    const images = writeImages('few', { train: 32, test: 8, size: 32 })
    const server = await serve({}, { folder: join(root, 'dist/page') })
    try {
      await atAddress(`${server.url}/`, async (page) => {
        await person.drop(page, 'Choose images', images)
        const fields = { Epochs: '4', 'Batch size': '8' }
        await person.choose(page, { fields, trained: 'everything: best with many images' })
        const [empty, all] = [ownMegabytes(), [] as number[]]
        const look = setInterval(() => all.push(ownMegabytes()), 50)
        try {
          await page.getByRole('button', { name: 'Start training' }).click()
          await page.getByRole('heading', { name: 'Result' }).waitFor()
        } finally {
          clearInterval(look)
        }
        const most = Math.max(...all)
        console.log(`ResNet18 trained whole and saved: ${empty.toFixed(0)} MB before it, at most ${most.toFixed(0)}`)
        console.log(all.map(Math.round).join(' '))
        assert.ok(most < 350, `${most} MB`)
      })
    } finally {
      server.close()
    }
  })

  test('5,216 images of 224 pixels stay under 500 MB', async () => {
    const images = existsSync(real) ? real : writeImages('large', { train: 5216, test: 16, size: 224 })
    const server = await serve({}, { folder: join(root, 'dist/page') })
    try {
      await atAddress(`${server.url}/`, async (page) => {
        let most = 0
        const tell = (what: string) => {
          const now = ownMegabytes()
          most = Math.max(most, now)
          console.log(`${what}: ${now.toFixed(0)} MB, most ${most.toFixed(0)}`)
        }
        const look = setInterval(() => (most = Math.max(most, ownMegabytes())), 500)
        try {
          tell('empty')
          await person.drop(page, 'Choose images', images)
          await page.getByRole('button', { name: 'Choose a model' }).waitFor()
          tell('5,216 images looked at')
          const fields = { Epochs: '1', 'Batch size': '32' }
          await person.choose(page, { model: 'mobilenet-v3-small', fields, more: { 'Image size': '224' } })
          await page.getByRole('button', { name: 'Start training' }).click()
          const progress = page.locator('label[for=progress]')
          for (let seen = 0; seen < watched;) {
            await page.waitForTimeout(10_000)
            if (await page.getByRole('heading', { name: 'Result' }).count()) break
            const text = (await progress.count()) ? ((await progress.textContent()) ?? '') : ''
            seen = /training/.test(text)
              ? Number(/([\d,]+) of [\d,]+ images/.exec(text)?.[1].replace(',', '') ?? 0)
              : seen
            tell(text)
          }
        } finally {
          clearInterval(look)
        }
        assert.ok(most > 50 && most < 500, `${most} MB`)
      })
    } finally {
      server.close()
    }
  })
}

test.run()
