// The whole journey on real radiographs with a pretrained ViT, in Chromium on SwiftShader: some minutes, so only with
// RADIOGRAD_JOURNEY, which says how many training images a class are dropped. Skips where ../shared is not there.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { radiograd, scratch } from '../cli/command.js'
import { atAddress, browser, useChromiumsDriver } from './chromium.js'
import * as person from './person.js'
import { lookAt } from './person.js'
import { root, serve } from './serve.js'

const test = suite('journey')
const shared = join(root, '../shared')
const real = join(shared, 'data/chest_xray')
const weights = join(shared, 'weights/vit_tiny_patch16_224.pth')
const perClass = Number(process.env.RADIOGRAD_JOURNEY ?? 0)
const dir = scratch()

/** Every so many-th image of each class, as a folder that somebody might have. */
function copySome(to: string): void {
  for (const [part, most] of [
    ['train', perClass],
    ['test', perClass / 2],
  ] as const)
    for (const name of ['NORMAL', 'PNEUMONIA']) {
      const files = readdirSync(join(real, part, name)).sort()
      mkdirSync(join(to, part, name), { recursive: true })
      for (let i = 0; i < most; i++) {
        const file = files[Math.floor((i * files.length) / most)]
        cpSync(join(real, part, name, file), join(to, part, name, file))
      }
    }
}

if (!perClass) console.log('skip: the journey on real radiographs, some minutes with RADIOGRAD_JOURNEY=16')
else if (!existsSync(weights) || !existsSync(real)) console.log('skip: no radiographs or weights in ../shared')
else if (browser)
  test('real radiographs, a ViT, and the command line finds the same metrics', async () => {
    const images = join(dir, 'radiographs')
    copySome(images)
    const server = await serve({}, { folder: join(root, 'dist/page') })
    try {
      const checkpoint = join(dir, 'best.safetensors')
      const metrics = await atAddress(`${server.url}/`, async (page) => {
        const watched = await person.watch(page)
        const tell = async (what: string) => {
          const long = (await watched.longTasks()).slice(0, 4)
          console.log(`${what}: longest tasks ${long.join(', ') || 'under 50'} ms`)
        }
        await lookAt(page, '1-empty')
        await watched.longTasks()
        await person.drop(page, 'Choose images', images)
        await page.getByRole('button', { name: 'Choose a model' }).waitFor()
        await tell('images')
        await lookAt(page, '2-images')

        await page.getByRole('button', { name: 'Choose a model' }).click()
        await page.getByLabel('Model', { exact: true }).selectOption('vit-ti16')
        await page.getByLabel(/^Weights file/).setInputFiles(weights)
        await page
          .getByLabel('Kept in this browser')
          .getByRole('option', { name: /vit_tiny/ })
          .waitFor({ state: 'attached' })
        await page.getByLabel('What is trained').selectOption({ label: 'the last layer: quick, little memory' })
        for (const [label, text] of Object.entries({ Epochs: '2', 'Batch size': '8', 'Learning rate': '0.003' }))
          await page.getByLabel(label, { exact: true }).fill(text)
        await lookAt(page, '3-model')
        await page.getByRole('button', { name: 'Estimate memory and time' }).click()
        await page.getByText(/^Takes .* of graphics memory and about/).waitFor()
        console.log(await page.getByText(/^Takes .* of graphics memory and about/).textContent())
        await lookAt(page, '3-model-estimated')
        await watched.longTasks()

        await page.getByRole('button', { name: 'Start training' }).click()
        await page.getByRole('heading', { name: 'Accuracy' }).waitFor()
        await tell('training, first epoch')
        await lookAt(page, '4-training')
        await watched.longTasks()
        await page.getByRole('heading', { name: 'Result' }).waitFor()
        await tell('training, the rest')
        await lookAt(page, '5-result')
        await watched.longTasks()
        await person.dragThreshold(page)
        await tell('threshold')
        await page.getByRole('slider', { name: 'Threshold' }).fill('0.6')
        await page.waitForFunction(() => !document.body.textContent.includes('…'))
        await lookAt(page, '5-result-moved')
        await person.download(page, 'Download checkpoint', checkpoint)
        await person.download(page, 'Download table (CSV)', join(dir, 'predictions.csv'))
        await watched.longTasks()
        await person.download(page, 'Download report', join(dir, 'report.html'))
        await tell('report')

        await page
          .getByRole('button', { name: /Show heat map$/ })
          .first()
          .click()
        await page
          .getByRole('dialog')
          .getByRole('img', { name: /^Heat map for / })
          .waitFor()
        await page.getByRole('dialog').getByLabel('Method').selectOption('attention rollout')
        await page.getByText('Computing where the model looked').waitFor()
        await page.getByText('Computing where the model looked').waitFor({ state: 'detached' })
        await page
          .getByRole('dialog')
          .getByRole('img', { name: /^Heat map for / })
          .waitFor()
        await lookAt(page, '6-heat-map')
        await page.keyboard.press('Escape')

        await person.step(page, 'Use it')
        const some = readdirSync(join(images, 'test/PNEUMONIA')).slice(0, 2)
        await page
          .getByLabel('Images', { exact: true })
          .setInputFiles(some.map((file) => join(images, 'test/PNEUMONIA', file)))
        await page.getByRole('img', { name: new RegExp(`over ${some[1].replaceAll('.', '\\.')}$`) }).waitFor()
        await lookAt(page, '7-use')
        await person.nothingLeft(page, watched, server.url)
        return (await person.keptJson(page, 'metrics.json')) as { measures: { auc: { estimate: number } } }
      })
      useChromiumsDriver()
      const { code, stdout, stderr } = await radiograd(['eval', '--data', images, '--checkpoint', checkpoint, '--json'])
      assert.is(code, 0, stderr)
      assert.equal(JSON.parse(stdout), metrics)
      const report = readFileSync(join(dir, 'report.html'), 'utf8')
      assert.match(report, '</html>')
      assert.match(report, metrics.measures.auc.estimate.toFixed(3))
    } finally {
      server.close()
    }
  })

test.run()
