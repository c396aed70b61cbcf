// Real radiographs at their original size, where they are at hand: decoding and resizing against Pillow, and its cost.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadImage } from '../../src/data/decodeTask.js'
import { Resize } from '../../src/data/transforms.js'
import { expected, repository } from './fixtures.js'

const folder = join(repository, '..', 'shared', 'data', 'originals')
const test = suite('originals')

if (!existsSync(folder)) console.log(`skip: no original radiographs at ${folder}`)
else {
  test('decoded and resized to 224 × 224, within one level of Pillow', async () => {
    const start = performance.now()
    const places = Object.entries<number[]>(expected.originals)
    for (const [name, values] of places) {
      const path = join(folder, name)
      const { data } = await loadImage({ path, file: path, steps: [Resize([224, 224])] })
      values.forEach((value, i) => {
        const got = data[((i * 1567 + 311) % (224 * 224)) * 3 + 1]
        assert.ok(Math.abs(got - value) <= 1, `${name}: place ${i} is ${got}, Pillow has ${value}`)
      })
    }
    console.log(`${((performance.now() - start) / places.length).toFixed(0)} ms each, decoded and resized`)
  })
}

test.run()
