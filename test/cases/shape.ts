// Operators that move elements and compute nothing.
import * as F from '../../src/ops/index.js'
import type { Tensor } from '../../src/tensor/tensor.js'
import { type OpCase, perElement } from './case.js'

const functions: Record<string, (inputs: Record<string, Tensor>, attrs: any) => Tensor> = {
  permute: ({ x }, { dims }) => F.permute(x, dims),
  transpose: ({ x }, { dim0, dim1 }) => F.transpose(x, dim0, dim1),
  reshape: ({ x }, { shape }) => F.reshape(x, shape),
  cat: ({ a, b, c }, { dim }) =>
    F.cat(
      [a, b, c].filter((t) => t),
      { dim },
    ),
  slice: ({ x }, { dim, start, end }) => F.slice(x, { dim, start, end }),
}

export default {
  op: 'shape',
  run: (inputs, attrs) => functions[attrs.fn](inputs, attrs),
  flops: perElement(0, 0),
} satisfies OpCase
