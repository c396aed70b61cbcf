// Running sums. A long axis is cut into runs: their totals are summed up first, then every run goes on from where the
// one before it ends.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { ceilDiv } from './occupancy.js'
import { folded, partsOf } from './reduce.js'
import { axis } from './shape.js'

/** x, y [outer, size, inner]. */
function runningSums(x: Tensor, y: Tensor, REVERSED: boolean): void {
  const [outer, size, inner] = x.shape
  const parts = partsOf(size, outer * inner, 16)
  const length = ceilDiv(size, parts)
  const runs = ceilDiv(size, length)
  const params = { outer, size, inner, runs, length }
  const invocations = outer * runs * inner
  let before: Tensor | null = null
  if (runs > 1) {
    const totals = empty([outer, runs, inner], 'f32', 'totals of runs')
    before = empty(totals.shape, 'f32', 'sums before runs')
    gpu.run(shaders.cumsum, { x, before: null, y: totals }, params, { invocations }, { TOTALS: true, REVERSED })
    runningSums(totals, before, false)
  }
  gpu.run(shaders.cumsum, { x, before, y }, params, { invocations }, { TOTALS: false, REVERSED })
}

const cumsumOp = /* @__PURE__ */ defineOp({
  name: 'cumsum',
  dtypes: { x: FLOATS },
  shape: ({ x }: { x: Tensor }) => ({ y: x.shape }),
  forward({ x }, { y }) {
    runningSums(x, y, false)
  },
  backward(_, { y: dy }, { x: dx }) {
    if (dx) runningSums(dy, dx, true)
  },
})

/** Sums of the elements up to each one along an axis. `torch.cumsum`. */
export function cumsum(x: Tensor, dim: number): Tensor {
  return view(cumsumOp({ x: folded(x, [axis('cumsum', dim, x)]) }, {}).y, x.shape)
}
