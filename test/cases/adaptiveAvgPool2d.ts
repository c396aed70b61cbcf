// adaptiveAvgPool2d: windows of uneven size, and the global average.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'adaptiveAvgPool2d',
  run: ({ x }, { outputSize }) => F.adaptiveAvgPool2d(x, outputSize),
  flops: perElement(1, 1, 'x'),
} satisfies OpCase
