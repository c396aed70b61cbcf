// The kernels that can run each pass of a convolution, one table a pass: direct ones (convdirect.ts), Winograd's
// (convwinograd.ts), those for depthwise convolutions (convdepthwise.ts) and products of patches (convpatches.ts).
//
// Of those that apply, the default is the one with the largest preference:
//   5 Winograd, where its transforms pay      4 patches, where windows do not overlap
//   3 along rows, for an image's few channels; depthwise for software adapters
//   2 for software adapters; depthwise; matrix units of f16
//   1 tiles in workgroup memory, of the size that tiles.ts prefers: any convolution on any adapter
//   0 only where it was measured to be fastest
import type { Implementation, Pass } from '../gpu/choices.js'
import { gpu } from '../gpu/gpu.js'
import * as depthwise from './convdepthwise.js'
import * as direct from './convdirect.js'
import type { Convolution } from './convgeometry.js'
import {
  isEpilogueOfProducts,
  isPatches,
  patchesBackwardInput,
  patchesBackwardWeight,
  patchesForward,
} from './convpatches.js'
import * as winograd from './convwinograd.js'
import * as shaders from '../shaders.gen.js'
import { matricesFor, prefersMatrices } from './occupancy.js'
import { type Tile, preferredTile } from './tiles.js'

type Kernel = Implementation<Convolution>

/** Matrix units: channels in fours, and not for results that would leave them nearly empty. */
const fitsMatrices = ({ y, weight: { shape }, attrs }: Convolution) => {
  const columns = shape[3] / attrs.groups
  return !!matricesFor(y) && columns >= 16 && columns % 4 === 0 && shape[2] % 4 === 0
}

const matrices = (run: (p: Convolution, tile: 'matrix') => void): Kernel => ({
  name: 'matrix 64',
  applies: fitsMatrices,
  preference: ({ y }) => (prefersMatrices(y) ? 2 : 0),
  run: (p) => run(p, 'matrix'),
})

/** A kernel for software adapters with TM pixels a workgroup, out of as many as `pixelsOf` says. */
const cpu = (
  TM: direct.Pixels,
  pixelsOf: (p: Convolution) => number,
  run: (p: Convolution, TM: direct.Pixels) => void,
): Kernel => ({
  name: `cpu ${TM}`,
  applies: (p) => direct.lanes(p) === 8 || (direct.lanes(p) === 4 && TM < 32),
  preference: (p) => (TM === direct.pixelsPerWorkgroup(pixelsOf(p), direct.lanes(p)!) ? 2 : 0),
  run: (p) => run(p, TM),
})

const outputPixels = ({ y }: Convolution) => y.size / y.shape[3]
const phasePixels = (p: Convolution) => direct.phasePixels(p).pixels

const winogradOf = (tile: winograd.TileSize, run: (p: Convolution, tile: winograd.TileSize) => void): Kernel => ({
  name: `winograd ${tile}`,
  applies: (p) => winograd.winogradFits(p, tile),
  preference: (p) => (winograd.preferredTile(p) === tile ? 5 : 0),
  run: (p) => run(p, tile),
})

/**
 * Tiles in workgroup memory, of which 64×64 is the plain kernel; those of other sizes are measured only where no kernel
 * for software adapters can run.
 */
const tiles = (sizeOf: (p: Convolution) => direct.Planes, run: (p: Convolution, tile: Tile) => void): Kernel[] =>
  (['64×64', '32×32', 'wide 64×64'] as const).map((tile) => ({
    name: `tile ${tile}`,
    applies: (p) => tile === '64×64' || direct.lanes(p) === null,
    preference: (p) => {
      const [columns, rows, planes] = sizeOf(p)
      return tile === preferredTile(rows, columns, planes) ? 1 : 0
    },
    run: (p) => run(p, tile),
  }))

/** Kernels of dx that leave it to another to add a residual. */
const alone = ({ run, ...rest }: Kernel): Kernel => ({
  ...rest,
  run(p) {
    run(p)
    const { residual } = p.epilogue
    if (residual) gpu.run(shaders.accumulate, { x: residual, y: p.x }, { n: p.x.size }, { elements: p.x.size })
  },
})

const FORWARD = pass('forward', [
  ...tiles(direct.forwardSize, direct.forwardTile),
  matrices(direct.forwardTile),
  { name: 'depthwise', applies: depthwise.isDepthwise, preference: () => 2, run: depthwise.depthwiseForward },
  { name: 'depthwise cpu', applies: depthwise.isSquare, preference: () => 3, run: depthwise.depthwiseForwardCpu },
  cpu(8, outputPixels, direct.forwardCpu),
  cpu(16, outputPixels, direct.forwardCpu),
  cpu(32, outputPixels, direct.forwardCpu),
  { name: 'cpu rows', applies: direct.hasRows, preference: () => 3, run: direct.forwardRows },
  {
    name: 'patches',
    applies: (p) => isPatches(p) && isEpilogueOfProducts(p),
    preference: () => 4,
    run: patchesForward,
  },
  winogradOf(2, winograd.winogradForward),
  winogradOf(4, winograd.winogradForward),
])

const BACKWARD_INPUT = pass('dx', [
  ...tiles(direct.backwardInputSize, direct.backwardInputTile),
  matrices(direct.backwardInputTile),
  ...[
    { name: 'depthwise', applies: depthwise.isDepthwise, preference: () => 2, run: depthwise.depthwiseBackwardInput },
    {
      name: 'depthwise cpu',
      applies: depthwise.isSquare,
      preference: () => 3,
      run: depthwise.depthwiseBackwardInputCpu,
    },
    cpu(8, phasePixels, direct.backwardInputCpu),
    cpu(16, phasePixels, direct.backwardInputCpu),
    cpu(32, phasePixels, direct.backwardInputCpu),
    { name: 'patches', applies: isPatches, preference: () => 4, run: patchesBackwardInput },
  ].map(alone),
  winogradOf(2, winograd.winogradBackwardInput),
  winogradOf(4, winograd.winogradBackwardInput),
])

const BACKWARD_WEIGHT = pass('dw', [
  ...tiles(direct.backwardWeightSize, direct.backwardWeightTile),
  matrices(direct.backwardWeightTile),
  { name: 'depthwise', applies: depthwise.isDepthwise, preference: () => 2, run: depthwise.depthwiseBackwardWeight },
  {
    name: 'depthwise cpu',
    applies: depthwise.isSquare,
    preference: () => 3,
    run: depthwise.depthwiseBackwardWeightCpu,
  },
  { name: 'cpu', applies: (p) => direct.lanes(p) !== null, preference: () => 2, run: direct.backwardWeightCpu },
  { name: 'patches', applies: isPatches, preference: () => 4, run: patchesBackwardWeight },
  winogradOf(2, winograd.winogradBackwardWeight),
  winogradOf(4, winograd.winogradBackwardWeight),
])

/** Fills y; the epilogue follows in the same kernel. */
export function convForward(p: Convolution): void {
  gpu.compute(FORWARD, p)
}

/** Fills x, the gradient of the input. */
export function convBackwardInput(p: Convolution): void {
  gpu.compute(BACKWARD_INPUT, p)
}

/** Fills weight, the gradient of the weight. */
export function convBackwardWeight(p: Convolution): void {
  gpu.compute(BACKWARD_WEIGHT, p)
}

function pass(name: 'forward' | 'dx' | 'dw', implementations: readonly Kernel[]): Pass<Convolution> {
  return {
    implementations,
    key: ({ x, weight, y, attrs }) => ({
      op: 'conv2d',
      pass: name,
      dtype: y.element,
      x: [2 ** Math.ceil(Math.log2(x.shape[0])), ...x.shape.slice(1)], // batches of similar size share a choice
      weight: weight.shape,
      ...attrs,
    }),
    work: ({ weight, y }) => (y.size * weight.size) / weight.shape[3],
  }
}
