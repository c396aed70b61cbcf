// TensorBoard event files: byte for byte what TensorBoard's own writer makes, and read by a reader of this test's own.
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { crc32c, epochEvents, eventFileHeader, scalarEvent } from '../../src/train/tensorboard.js'
import { refused } from '../errors.js'
import { readEvents } from './events.js'

const test = suite('tensorboard')
const root = new URL('../../../', import.meta.url)

test("the same bytes as TensorBoard's writer", () => {
  const scalars = { 'loss/train': Math.LN2, 'loss/validation': NaN, auc: 1, größe: -1e-30 }
  const ours = Buffer.concat([
    eventFileHeader(1700000000.25),
    ...[0, 1, 300, 2 ** 40].map((step) => scalarEvent({ step, wallTime: 1700000001.5 + step, scalars })),
  ])
  const theirs = readFileSync(new URL('test/fixtures/train/tensorboard.tfevents', root))
  assert.equal([...ours], [...theirs])
})

test('a reader that shares nothing with the writer finds what was written', () => {
  const scalars = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`tag ${'x'.repeat(i)}`, Math.fround(1 / i)]))
  const file = Buffer.concat([eventFileHeader(5), scalarEvent({ step: 130, wallTime: 6.5, scalars })])
  assert.equal(readEvents(file), [
    { wallTime: 5, step: 0, version: 'brain.Event:2', scalars: {} },
    { wallTime: 6.5, step: 130, version: null, scalars },
  ])
})

test("CRC-32C: RFC 3720's examples; a wrong step is refused; an epoch's file", () => {
  assert.is(crc32c(new TextEncoder().encode('123456789')), 0xe3069283)
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.is(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43)
  for (const step of [-1, 0.5, NaN])
    refused(
      () => scalarEvent({ step, wallTime: 0, scalars: {} }),
      `tensorboard: step must be a whole number, 0 or more, got ${step}`,
    )
  const row = { epoch: 3, trainLoss: 0.5, trainAccuracy: 1, valLoss: NaN, valAccuracy: NaN, valAuc: NaN, seconds: 1 }
  const file = epochEvents({ ...row, imagesPerSecond: 2, lr: 0.25 }, 10)
  const scalars = { 'loss/train': 0.5, 'accuracy/train': 1, 'learning rate': 0.25, 'images per second': 2 }
  const parts = [eventFileHeader(10), scalarEvent({ step: 3, wallTime: 10, scalars })]
  assert.equal([...file], [...parts[0], ...parts[1]], 'what is undefined is left out')
})

test.run()
