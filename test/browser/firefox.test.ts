// The page in Firefox, whose WebGPU is another implementation (wgpu, naga): from a zip to a heat map, and its
// checkpoint in the command line. Most of its time is compiling.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { zipSync } from 'fflate'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parsePredictions } from '../../src/app/predictions.js'
import { syntheticFiles } from '../../src/data/synthetic.js'
import { radiograd, scratch } from '../cli/command.js'
import { firefox, inFirefox } from './firefox.js'
import { findDriver } from './programs.js'
import type { Visited } from './visit.js'

const test = suite('page in Firefox')
const lavapipe = findDriver('lvp_icd.json')

if (!firefox || !lavapipe)
  console.log(`skip: no ${firefox ? 'lavapipe' : 'Firefox'} found, the page was not tried in it`)
else
  test('a zip is trained on, the result is read, a heat map opened; the command line finds the same', async () => {
    const dir = scratch()
    const files = [...syntheticFiles({ train: 16, test: 8, size: 32 })]
    const zip = zipSync(Object.fromEntries(files.map(({ path, bytes }) => [path, bytes])))
    const settings = {
      'What is trained': 'head',
      Epochs: '1',
      'Batch size': '8',
      'Learning rate': '0.001',
      'Image size': '32',
    }
    const script = `return (await import('/test/browser/visit.js')).visit('/images.zip', ${JSON.stringify(settings)})`
    const there = JSON.parse(await inFirefox(script, lavapipe, { '/images.zip': zip })) as Visited | { error: string }
    if ('error' in there) return assert.unreachable(there.error)
    assert.is(there.images.length, 8)
    assert.match(there.images[0], /: called (NORMAL|PNEUMONIA), PNEUMONIA \d.*(right|wrong)\. Show heat map$/)
    assert.match(there.heatMap, /^Heat map for (NORMAL|PNEUMONIA) over /)

    for (const { path, bytes } of files.filter(({ path }) => path.startsWith('test/'))) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), bytes)
    }
    const bytes = (name: string) => Buffer.from(there.files[name], 'base64')
    writeFileSync(join(dir, 'best.safetensors'), bytes('best.safetensors'))
    const env = { RADIOGRAD_ADAPTER: 'lavapipe', VK_DRIVER_FILES: lavapipe }
    const checkpoint = join(dir, 'best.safetensors')
    const { classes, files: tested, probabilities } = parsePredictions(bytes('predictions.csv').toString(), 'page')
    const pictures = tested.map((path) => join(dir, 'test', path))
    const { code, stdout, stderr } = await radiograd(['predict', ...pictures, '--checkpoint', checkpoint, '--json'], {
      env,
    })
    assert.is(code, 0, stderr)
    const answers = JSON.parse(stdout) as { probabilities: Record<string, number> }[]
    assert.is(answers.length, 8)
    // Other kernels: Firefox has neither subgroups nor f16. Calls are not compared: a probability may lie at the threshold.
    const off = answers.map(({ probabilities: ours }, i) => Math.abs(ours[classes[1]] - probabilities[2 * i + 1]))
    const spread = Math.max(...probabilities) - Math.min(...probabilities)
    console.log(`Firefox: probabilities over ${spread.toFixed(3)}, off by ${Math.max(...off).toExponential(1)}`)
    assert.ok(spread > 1e-3, 'probabilities that are all the same say nothing')
    assert.ok(Math.max(...off) < 1e-5, `${off}`)
  })

test.run()
