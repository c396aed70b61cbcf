// Resize and CenterCrop against Pillow and torchvision: equal to the last bit.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { centerCrop } from '../../src/data/image.js'
import { resizeBilinear, shorterSideTo } from '../../src/data/resize.js'
import { difference, expected, expectedImage } from './fixtures.js'
import { failure } from '../errors.js'

const test = suite('resize')
const source = expectedImage('scene_61x47')

for (const [height, width] of [
  [24, 24],
  [7, 90],
  [80, 20],
  [47, 30],
  [20, 61],
  [1, 1],
  [60, 70],
]) {
  test(`61 × 47 to ${width} × ${height} equals Pillow`, () => {
    assert.is(difference(resizeBilinear(source, height, width), expectedImage(`resize_${height}x${width}`)), 0)
  })
}

test('one number sets the shorter side, with torchvision’s rounding', () => {
  for (const { width, height, size, out } of expected.shorterSide) {
    const image = shorterSideTo({ width, height, data: new Uint8Array(width * height * 3) }, size)
    assert.equal([image.height, image.width], out)
  }
  assert.is(difference(shorterSideTo(source, 32), expectedImage('shorter_32')), 0)
})

for (const [height, width] of [
  [20, 20],
  [21, 24],
  [60, 30],
  [50, 70],
]) {
  test(`the middle ${width} × ${height} equals torchvision`, () => {
    assert.is(difference(centerCrop(source, height, width), expectedImage(`crop_${height}x${width}`)), 0)
  })
}

test('a size below 1 is refused', async () => {
  assert.match(await failure(() => resizeBilinear(source, 0, 5)), 'Resize: sizes must be at least 1, got 0 × 5')
})

test.run()
