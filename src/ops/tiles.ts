// The sizes of a product's tiles in workgroup memory (lib/tile.wgsl), and which of them is preferred.
import { gpu } from '../gpu/gpu.js'
import { matmul_tile } from '../shaders.gen.js'

/** Rows × columns that a workgroup makes; `wide`: an invocation makes 8×8 of them, else 4×4. */
export type Tile = keyof typeof TILES

/** G × G invocations with R × R blocks of 4×4 each. */
export const TILES = {
  '32×32': { G: 8, R: 1 },
  '64×64': { G: 16, R: 1 },
  'wide 64×64': { G: 8, R: 2 },
  'wide 128×128': { G: 16, R: 2 },
} as const

/** Tiles of so many planes of rows × columns. */
const count = (rows: number, columns: number, planes: number, tile: Tile) =>
  matmul_tile.workgroups({ elements: [columns, rows, planes] }, TILES[tile])

/** Whether tiles of 64×64 would leave most of the chip idle. */
export const fewTiles = (rows: number, columns: number, planes: number): boolean =>
  count(rows, columns, planes, '64×64') < gpu.caps.parallelism / 4

/**
 * The tile preferred for planes of rows × columns: with 4×4 results an invocation, workgroup memory allows half of a
 * GPU's multiply-adds at most, so 8×8 where there are registers for them; of those the larger where they fill the chip
 * some times over.
 */
export function preferredTile(rows: number, columns: number, planes: number): Tile {
  if (!gpu.caps.hasRegisters) return '64×64'
  const [small, large] = (['wide 64×64', 'wide 128×128'] as const).map((tile) => count(rows, columns, planes, tile))
  const isLarge = large >= gpu.caps.parallelism && 4 * large < 1.1 * small // else edges are computed in vain
  return isLarge ? 'wide 128×128' : 'wide 64×64'
}
