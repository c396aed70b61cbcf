// Position embeddings of one image size made into those of another. A pure function.
import { check, formatShape } from '../util/check.js'
import { type TensorData, toFloat32 } from './safetensors.js'

/** Keys' cubic with a = -0.5, as Pillow and PyTorch's antialiased filters have it. */
function cubic(x: number): number {
  const t = Math.abs(x)
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0
}

/** For each of `to` places the first of `from` places it reads, and their weights. */
function taps(from: number, to: number): { first: number; weights: number[] }[] {
  const scale = from / to
  const stretch = Math.max(1, scale)
  return Array.from({ length: to }, (_, i) => {
    const center = scale * (i + 0.5)
    const first = Math.max(0, Math.trunc(center - 2 * stretch + 0.5))
    const last = Math.min(from, Math.trunc(center + 2 * stretch + 0.5))
    const weights = Array.from({ length: last - first }, (_, j) => cubic((j + first - center + 0.5) / stretch))
    const sum = weights.reduce((a, b) => a + b, 0)
    return { first, weights: weights.map((w) => w / sum) }
  })
}

/**
 * [1, prefix + n², C] → [1, prefix + grid², C]: the `prefix` tokens stay, the square of patches is resized with an
 * antialiased bicubic filter (`F.interpolate(mode='bicubic', antialias=True)`, timm's `resample_abs_pos_embed`).
 * Unchanged when the sizes agree already.
 */
export function resizePositions(position: TensorData, grid: number, prefix: number, source: string): TensorData {
  const [one, tokens, channels] = position.shape
  const from = Math.sqrt(tokens - prefix)
  check(
    position.shape.length === 3 && one === 1 && Number.isInteger(from) && from > 0,
    () =>
      `${source}: position embeddings must be [1, ${prefix ? 'n² + 1' : 'n²'}, C], got ${formatShape(position.shape)}`,
  )
  if (from === grid) return position
  const values = toFloat32(position)
  const along = taps(from, grid)
  const rows = new Float64Array(grid * from * channels) // rows resized, columns not yet
  along.forEach(({ first, weights }, y) =>
    weights.forEach((w, j) => {
      const [read, write] = [(prefix + (first + j) * from) * channels, y * from * channels]
      for (let c = 0; c < from * channels; c++) rows[write + c] += w * values[read + c]
    }),
  )
  const data = new Float32Array((prefix + grid * grid) * channels)
  data.set(values.subarray(0, prefix * channels))
  const sum = new Float64Array(channels)
  for (let y = 0; y < grid; y++) {
    along.forEach(({ first, weights }, x) => {
      sum.fill(0)
      weights.forEach((w, j) => {
        for (let c = 0; c < channels; c++) sum[c] += w * rows[(y * from + first + j) * channels + c]
      })
      data.set(sum, (prefix + y * grid + x) * channels)
    })
  }
  return { dtype: 'f32', shape: [1, prefix + grid * grid, channels], data }
}
