// Elements chosen by number, and sums over equal numbers.
import * as F from '../../src/ops/index.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type OpCase, perElement } from './case.js'

const functions: Record<string, (inputs: Record<string, Tensor>, attrs: any) => Tensor> = {
  indexSelect: ({ x, index }, { dim }) => F.indexSelect(x, dim, index),
  gather: ({ x, index }, { dim }) => F.gather(x, dim, index),
  scatterAdd: ({ x, index, src }, { dim }) => F.scatterAdd(x, dim, index, src),
  embedding: ({ indices, weight }, { paddingIdx }) => F.embedding(indices, weight, { paddingIdx }),
}

export default {
  op: 'indexing',
  run: (inputs, attrs) => functions[attrs.fn](inputs, attrs),
  flops: perElement(0, 1),
} satisfies OpCase
