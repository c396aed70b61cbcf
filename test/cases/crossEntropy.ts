// crossEntropy: class weights, smoothing, every reduction. Gradients are taken for the logits alone.
import * as F from '../../src/ops/index.js'
import { type OpCase, perElement } from './case.js'

export default {
  op: 'crossEntropy',
  run: ({ logits, target, weight = null }, { labelSmoothing, reduction }) =>
    F.crossEntropy(logits, target, { weight, labelSmoothing, reduction }),
  flops: perElement(5, 4, 'logits'),
} satisfies OpCase
