// Layer normalisation over the last axes, alone and with the residual addition before it in the same kernel.
import { gpu } from '../gpu/gpu.js'
import { cpu } from '../shaders.late.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp } from '../tensor/op.js'
import { type Tensor, checkTensors, empty } from '../tensor/tensor.js'
import { type Shape, check, formatShape, numel, sameShape } from '../util/check.js'
import { mergeGradients, rowChunks } from './normalize.js'
import { subgroupSizeForCpuKernels } from './occupancy.js'
import { checkList } from './shape.js'
import { epsOf } from '../util/options.js'

/** Options of {@link layerNorm} and {@link addLayerNorm}. */
export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number
}

interface Attributes {
  cols: number
  eps: number
}

/**
 * rows × cols, and the kernels for it: vec4 and one subgroup a row where a subgroup has a fixed size, else a workgroup
 * a row.
 */
function layout(x: Tensor, cols: number) {
  const SG = cols % 4 === 0 ? subgroupSizeForCpuKernels() : null
  return { rows: x.size / cols, cols, SG }
}

function forward(
  x: Tensor,
  residual: Tensor | null,
  sum: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  y: Tensor,
  stats: Tensor,
  { cols, eps }: Attributes,
) {
  const { rows, SG } = layout(x, cols)
  const bindings = { x, residual, weight, bias, sum, y, stats }
  const params = { rows, cols, eps }
  if (SG) gpu.run(cpu.layernorm_forward_cpu, bindings, params, { groups: rows }, { SG })
  else gpu.run(shaders.layernorm_forward_tile, bindings, params, { groups: rows })
}

/**
 * Gradients that are wanted. `x` is what was normalised; `dsum` the gradient that reaches it otherwise. A chunk of rows
 * gives sums for those of the parameters.
 */
function backward(
  saved: { x: Tensor; weight: Tensor | null; stats: Tensor },
  dy: Tensor,
  dsum: Tensor | null,
  { dx, dWeight, dBias }: Partial<Record<'dx' | 'dWeight' | 'dBias', Tensor>>,
  cols: number,
) {
  const { x, weight, stats } = saved
  const { rows, SG } = layout(x, cols)
  const isTrained = dWeight || dBias
  const tile = shaders.layernorm_backward_tile
  const { chunks, rows_per_chunk } = SG
    ? rowChunks(rows, cpu.layernorm_backward_weight_cpu.workgroups({ elements: cols }))
    : rowChunks(rows, 1, tile.constant('MOST_ROWS'))
  const parts = isTrained ? empty([chunks, 2, cols], 'f32', 'layerNorm parts') : null
  if (!SG) {
    const bindings = { x, dy, dsum, weight, stats, dx: dx ?? null, parts }
    gpu.run(tile, bindings, { rows, cols, rows_per_chunk }, { groups: chunks })
  } else {
    const params = { rows, cols }
    if (dx) {
      const bindings = { x, dy, dsum, weight, stats, dx }
      gpu.run(cpu.layernorm_backward_input_cpu, bindings, params, { groups: rows }, { SG })
    }
    const size = { elements: [cols, chunks] } as const
    if (parts) gpu.run(cpu.layernorm_backward_weight_cpu, { x, dy, stats, parts }, { ...params, rows_per_chunk }, size)
  }
  if (!parts) return
  const dweight = dWeight ?? empty([cols], 'f32', 'dweight')
  const dbias = dBias ?? empty([cols], 'f32', 'dbias')
  mergeGradients(parts, dweight, dbias, cols, chunks)
}

function checkVectors(op: string, x: Tensor, normalizedShape: Shape, vectors: Record<string, Tensor | null>): number {
  checkTensors(op, { x }, vectors)
  checkList(op, 'normalizedShape', normalizedShape)
  check(
    normalizedShape.length > 0 && sameShape(x.shape.slice(-normalizedShape.length), normalizedShape),
    () => `${op}: x must end in ${formatShape(normalizedShape)}, got ${formatShape(x.shape)}`,
  )
  for (const [name, v] of Object.entries(vectors)) {
    check(
      !v || sameShape(v.shape, normalizedShape),
      () => `${op}: ${name} must have shape ${formatShape(normalizedShape)}, got ${formatShape(v!.shape)}`,
    )
  }
  return numel(normalizedShape)
}

const layerNormOp = /* @__PURE__ */ defineOp({
  name: 'layerNorm',
  dtypes: { x: FLOATS },
  optional: ['weight', 'bias'],
  auxiliary: ['stats'],
  saves: ['x', 'weight', 'stats'],
  shape: ({ x }: { x: Tensor; weight: Tensor | null; bias: Tensor | null }, { cols }: Attributes) => ({
    y: x.shape,
    stats: [3, x.size / cols],
  }),
  forward({ x, weight, bias }, { y, stats }, attrs) {
    forward(x, null, null, weight, bias, y, stats, attrs)
  },
  backward(saved, { y: dy }, { x: dx, weight: dWeight, bias: dBias }, { cols }) {
    backward(saved, dy, null, { dx, dWeight, dBias }, cols)
  },
})

const addLayerNormOp = /* @__PURE__ */ defineOp({
  name: 'addLayerNorm',
  dtypes: { x: FLOATS, residual: FLOATS },
  optional: ['weight', 'bias'],
  auxiliary: ['stats'],
  saves: ['sum', 'weight', 'stats'],
  shape(
    { x, residual }: { x: Tensor; residual: Tensor; weight: Tensor | null; bias: Tensor | null },
    { cols }: Attributes,
  ) {
    check(
      sameShape(x.shape, residual.shape),
      () =>
        `addLayerNorm: x and residual must have one shape, ` +
        `got ${formatShape(x.shape)} and ${formatShape(residual.shape)}`,
    )
    return { sum: x.shape, y: x.shape, stats: [3, x.size / cols] }
  },
  forward({ x, residual, weight, bias }, { sum, y, stats }, attrs) {
    forward(x, residual, sum, weight, bias, y, stats, attrs)
  },
  backward(
    { sum, weight, stats },
    { sum: dsum, y: dy },
    { x: dx, residual: dResidual, weight: dWeight, bias: dBias },
    { cols },
  ) {
    if (!dy) {
      for (const unused of [dWeight, dBias]) if (unused) gpu.zero(unused)
      return { x: dsum, residual: dsum }
    }
    const both = dx ?? dResidual
    backward({ x: sum, weight, stats }, dy, dsum ?? null, { dx: both, dWeight, dBias }, cols)
    return { x: both, residual: both }
  },
})

/**
 * (x - mean)·rstd·weight + bias over the last axes of x: normalizedShape, weight and bias are those axes; weight and
 * bias may be null. `torch.nn.functional.layer_norm` (Ba, Kiros & Hinton 2016).
 * @throws when x does not end in `normalizedShape`, or weight and bias have not that shape.
 */
export function layerNorm(
  x: Tensor,
  normalizedShape: Shape,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: LayerNormOptions = {},
): Tensor {
  const eps = epsOf('layerNorm', options)
  const cols = checkVectors('layerNorm', x, normalizedShape, { weight, bias })
  return layerNormOp({ x, weight, bias }, { cols, eps }).y
}

/**
 * sum = x + residual and y = layerNorm(sum), fused: what lies between two blocks of a transformer.
 * @throws as {@link layerNorm}, and when x and residual differ in shape.
 */
export function addLayerNorm(
  x: Tensor,
  residual: Tensor,
  normalizedShape: Shape,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: LayerNormOptions = {},
): { sum: Tensor; y: Tensor } {
  const eps = epsOf('addLayerNorm', options)
  const cols = checkVectors('addLayerNorm', x, normalizedShape, { weight, bias })
  const { sum, y } = addLayerNormOp({ x, residual, weight, bias }, { cols, eps })
  return { sum, y }
}
