// What the scripts of the comparison share: the adapter, inputs, references, timing. A script is run as `node
// script.mjs FOLDER WORK` and prints one line of JSON. Inputs are the same pseudo-random numbers for all; what must
// come of them lies in FOLDER, written by `node ours.mjs FOLDER WORK --write` (our engine, which the tests compare with
// PyTorch). Layouts in files are NHWC and HWIO.
import { readFileSync } from 'node:fs'
import { requestGpuAdapter } from '../../dist/src/gpu/device.node.js'

export const [folder, workName, flag] = process.argv.slice(2)

/**
 * A `navigator.gpu` that finds the adapter our engine would take (RADIOGRAD_ADAPTER), and does not spin while it waits.
 */
export function provideWebgpu() {
  const gpu = {
    requestAdapter: async () => (await requestGpuAdapter()).adapter,
    getPreferredCanvasFormat: () => 'bgra8unorm',
    wgslLanguageFeatures: new Set(),
  }
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'node', platform: 'node', hardwareConcurrency: 2 },
    configurable: true,
  })
  return requestGpuAdapter() // sets the driver and WebGPU's globals
}

/** Uniform on [-1, 1): the same as random() of bench/kernels.ts. */
export function random(shape, seed = 12345) {
  let state = seed
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

const scaled = (shape, seed, scale, offset = 0) => random(shape, seed).map((v) => v * scale + offset)

/** Inputs by name: [shape, numbers]. */
export const inputs = {
  matmul: () => ({ a: [[1024, 1024], random([1024, 1024], 1)], b: [[1024, 1024], random([1024, 1024], 2)] }),
  conv: () => ({
    x: [[4, 56, 56, 64], random([4, 56, 56, 64], 1)],
    w: [[3, 3, 64, 64], scaled([3, 3, 64, 64], 2, 0.05)],
    g: [[4, 56, 56, 64], random([4, 56, 56, 64], 3)],
  }),
  /** 7×7, as in ConvNeXt. */
  depthwise: () => ({
    x: [[4, 56, 56, 96], random([4, 56, 56, 96], 1)],
    w: [[7, 7, 1, 96], scaled([7, 7, 1, 96], 2, 0.1)],
    g: [[4, 56, 56, 96], random([4, 56, 56, 96], 3)],
  }),
  /** As in EfficientNet-B0. */
  squeezeExcite: () => ({
    x: [[4, 28, 28, 240], scaled([4, 28, 28, 240], 1, 1, 0.3)],
    w1: [[1, 1, 240, 10], scaled([240, 10], 2, 0.1)],
    b1: [[10], scaled([10], 3, 0.5)],
    w2: [[1, 1, 10, 240], scaled([10, 240], 4, 0.5)],
    b2: [[240], random([240], 5)],
    g: [[4, 28, 28, 240], random([4, 28, 28, 240], 6)],
  }),
  attention: () =>
    Object.fromEntries(
      ['q', 'k', 'v', 'g'].map((name, i) => [name, [[4, 12, 197, 64], random([4, 12, 197, 64], i + 1)]]),
    ),
  rows: () => ({
    x: [[788, 768], random([788, 768], 1)],
    weight: [[768], scaled([768], 2, 0.1, 1)],
    bias: [[768], scaled([768], 3, 0.1)],
    g: [[788, 768], random([788, 768], 4)],
  }),
  adam: () => ({ p: [[11_000_000], scaled([11_000_000], 1, 0.02)], g: [[11_000_000], scaled([11_000_000], 2, 0.01)] }),
  images: (batch, size) => [[batch, size, size, 3], random([batch, size, size, 3], 5)],
  labels: [3, 141, 592, 653],
}

const floats = (file) => {
  const bytes = readFileSync(`${folder}/${file}`)
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

/** Weights of a model by PyTorch's (timm's) names: [shape, numbers]; convolutions HWIO, linear layers [out, in]. */
export function weights(model) {
  const shapes = JSON.parse(readFileSync(`${folder}/${model}.json`, 'utf8'))
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, [shape, floats(`${model}.${name}.bin`)]]),
  )
}

/** A dense array with its axes in another order. */
export function permute([shape, data], order) {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1))
  const to = order.map((axis) => shape[axis])
  const by = order.map((axis) => strides[axis])
  const out = new Float32Array(data.length)
  const at = to.map(() => 0)
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = data[from]
    for (let d = to.length - 1; d >= 0; d--) {
      from += by[d]
      if (++at[d] < to[d]) break
      from -= by[d] * to[d]
      at[d] = 0
    }
  }
  return [to, out]
}
export const toNCHW = [0, 3, 1, 2]
export const toNHWC = [0, 2, 3, 1]
export const toOIHW = [3, 2, 0, 1]
export const toHWIO = [2, 3, 1, 0]

/**
 * Largest difference over the largest value, of as many numbers as both have (a slow peer takes fewer training steps).
 */
function distance(a, b) {
  let [difference, size] = [0, 1e-30]
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const d = Math.abs(a[i] - b[i])
    if (Number.isNaN(d)) return Infinity
    difference = Math.max(difference, d)
    size = Math.max(size, Math.abs(b[i]))
  }
  return difference / size
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

const BUDGET_MS = 1000

/**
 * Runs the work that was asked for. `works`: by name a function that prepares and returns { run, results }: `run`
 * executes once and waits, `results` gives arrays in the order and layout of the reference.
 */
export async function main(peer, works) {
  const report = { peer, work: workName }
  try {
    const make = works[workName]
    if (!make) throw new Error('not in this peer')
    const { run, results } = await make()
    const timed = async () => {
      const start = performance.now()
      await run()
      return performance.now() - start
    }
    report.firstMs = await timed()
    const times = [await timed()]
    if (times[0] < 4000) {
      times.pop() // it was a warm-up
      for (
        const end = performance.now() + BUDGET_MS;
        times.length < 3 || (times.length < 20 && performance.now() < end);
      )
        times.push(await timed())
    }
    Object.assign(report, { ms: median(times), minMs: Math.min(...times), runs: times.length })
    const arrays = await results()
    report.error = Math.max(...arrays.map((array, i) => distance(array, floats(`${workName}.${i}.bin`))))
    report.correct = arrays.length > 0 && report.error < (workName.includes('train') ? 5e-2 : 1e-3)
  } catch (error) {
    report.failed = String(error?.message ?? error)
      .replace(/\s+/g, ' ')
      .slice(0, 300)
    if (process.env.RADIOGRAD_DEBUG) console.error(error)
  }
  console.log(JSON.stringify(report))
  process.exit(0)
}
