// What a dispatch has to do, for estimates of its time: multiply-adds, bytes, stores into workgroup memory, and how
// often the loops of its kernel run. A new kernel with loops, or a loop that changed, needs its line here.
import type { Dispatch } from '../src/gpu/recording.js'

/** Instructions of a piece of a compiler's listing, by kind (the lab's asm.mjs). */
export type Cost = Record<'alu' | 'lds' | 'vmem' | 'salu' | 'fma' | 'dsRead' | 'dsWrite' | 'load' | 'wmma', number>

/** A loop of a listing; the whole of it is the outermost, of depth 0. */
export interface Loop {
  depth: number
  /** Of what lies in no inner loop. */
  own: Cost
  inner: Loop[]
  parent: Loop
}

export type Numbers = Record<string, number>

const ceilDiv = (a: number, b: number) => Math.ceil(a / b)
const nameOf = (d: Dispatch) => d.variant.kernel.name
const storesIn = ({ own }: Loop) => (own as Cost & { store: number }).store > 0

/** Bytes of what it binds, each once. */
export function bytesOf(d: Dispatch): number {
  const bound = nameOf(d) === 'batchnorm_merge' ? d.bindings.slice(1) : d.bindings // of x it reads a row
  return [...new Set(bound)].reduce((sum, s) => sum + (s?.byteLength ?? 0), 0)
}

/** Multiply-adds of products, convolutions and attention; 0 for what is elementwise. */
export function macsOf(d: Dispatch, p: Numbers): number {
  const [, heads, planes] = d.workgroups
  const name = nameOf(d)
  if (name === 'matmul_plain') return (p.n ?? p.M * p.N * p.batches) * p.K
  if (/^matmul_/.test(name)) return p.M * p.N * p.K * (planes / p.splits)
  if (/^conv2d_(depthwise_.*|.*_(tile|matrix))$/.test(name)) return p.N * p.OH * p.OW * p.KH * p.KW * p.CG * p.OG * p.G
  const products = { attention_forward: 2, attention_backward_q: 3, attention_backward_kv: 4 }
  const product = /^attention_(forward|backward_q|backward_kv)/.exec(name)?.[0] as keyof typeof products | undefined
  return product ? products[product] * p.T * p.S * p.depth * 4 * heads : 0
}

/** Stores into workgroup memory that an invocation of a tile kernel makes for a slice; 0 for other kernels. */
export function storesOf({ variant }: Dispatch): number {
  const { G, R, STEP } = variant.values as Numbers
  return R ? (2 * R * STEP) / G : 0
}

/** How often a loop of the kernel runs; 1 where nothing is known. */
export function tripsOf(d: Dispatch, p: Numbers): (loop: Loop) => number {
  const { G = 1, R = 1, STEP = 16, RUNS = 1 } = d.variant.values as Numbers
  // The loop over slices loads from the device's memory and multiplies out of workgroup memory, itself or by loops in
  // it. (Not known by its barriers: a workgroup that is a single wave needs none.)
  const has = (loop: Loop, what: keyof Cost): boolean => loop.own[what] > 0 || loop.inner.some((l) => has(l, what))
  const isMain = (loop: Loop) => has(loop, 'dsRead') && has(loop, 'load')
  // Loops of a slice: one that multiplies where the compiler left it rolled, and those that load, which run for the
  // stores that their surroundings leave to them, as compilers peel and unroll.
  const left = ({ own, parent }: Loop) =>
    own.dsWrite && parent.inner.filter((l) => l.own.dsWrite).length === 1
      ? Math.max(0, Math.round((storesOf(d) - parent.own.dsWrite) / own.dsWrite))
      : null
  const slice = (loads: number) => (loop: Loop) =>
    loop.own.dsRead && !loop.own.load
      ? STEP / Math.max(1, Math.round(loop.own.fma / (16 * R * R)))
      : (left(loop) ?? loads)
  const ofMatrices = (loop: Loop) => (loop.own.wmma ? 2 : (64 * STEP) / 128)
  const slices = (length: number, inner: (loop: Loop) => number) => (loop: Loop) =>
    loop.depth === 1 ? (isMain(loop) ? ceilDiv(length, STEP) : 1) : inner(loop)
  // Of a product: where it runs in rounds, the loop of slices stands in a loop of these.
  const rounds = (inner: (loop: Loop) => number) => {
    if (!d.overrides.in_rounds) return slices(p.k_per_split, inner)
    return (loop: Loop) => {
      if (loop.depth === 1) return isMain(loop) ? ceilDiv(p.k_per_split, p.k_per_round) : 1
      return loop.depth === 2 ? (isMain(loop) ? ceilDiv(p.k_per_round, STEP) : 1) : inner(loop)
    }
  }
  // Of dx: slices within taps. Compilers that know their numbers write out the slices of a tap, or drop the loop of one.
  const taps = (inner: (loop: Loop) => number) => (loop: Loop) => {
    const perTap = ceilDiv(p.OG, STEP)
    if (loop.depth > 1) return loop.depth === 2 && isMain(loop) ? perTap : inner(loop)
    if (!isMain(loop)) return 1
    const isOfSlices = p.KH * p.KW === 1 && !loop.inner.some(isMain)
    return ((p.KH * p.KW) / (p.SH * p.SW)) * (isOfSlices ? perTap : 1)
  }
  // Of a convolution that leaves statistics: lines of workgroup memory, read and merged after the slices.
  const merged = (lines: number, inner: (loop: Loop) => number) => (loop: Loop) => {
    const isMerging = loop.depth === 1 && !isMain(loop) && loop.own.dsRead && !storesIn(loop)
    return isMerging ? lines : inner(loop)
  }
  const walked = (tokens: number, chunks: number) => (loop: Loop) => {
    if (loop.depth === 1) return ceilDiv(tokens, 32)
    if (isMain(loop)) return chunks * ceilDiv(p.depth, 8)
    return loop.own.dsRead && !loop.own.load ? 8 : 4
  }
  const inSlice = slice((R * 16) / G)
  switch (nameOf(d)) {
    case 'matmul_tile':
      return rounds(slice(0))
    case 'conv2d_forward_tile':
      return merged(G, slices(p.KH * p.KW * p.CG, inSlice))
    case 'conv2d_backward_weight_tile':
      return slices(p.k_per_split, inSlice)
    case 'conv2d_backward_input_tile':
      return taps(inSlice)
    case 'matmul_matrix':
      return rounds(ofMatrices)
    case 'conv2d_backward_weight_matrix':
      return slices(p.k_per_split, ofMatrices)
    case 'conv2d_forward_matrix':
      return merged(16, slices(p.KH * p.KW * p.CG, ofMatrices))
    case 'conv2d_backward_input_matrix':
      return taps(ofMatrices)
    case 'attention_forward_tile':
    case 'attention_backward_q_tile':
      return walked(p.S, nameOf(d) === 'attention_forward_tile' ? 1 : 2)
    case 'attention_backward_kv_tile':
      return walked(p.T, 2)
    case 'attention_forward_matrix':
    case 'attention_backward_q_matrix':
    case 'attention_backward_kv_matrix':
      return ({ depth }) => (depth === 1 ? ceilDiv(/kv/.test(nameOf(d)) ? p.T : p.S, 32) : 1)
    // Compilers that know the size of the window may have written its loops out.
    case 'conv2d_depthwise_forward':
      return ({ depth }) => (depth === 1 ? p.KH : p.KW)
    case 'conv2d_depthwise_backward_input':
      return ({ depth }) => (depth === 1 ? p.KH / p.SH : depth === 2 ? p.OG : p.KW / p.SW)
    case 'conv2d_depthwise_backward_weight':
      return ({ depth }) => (depth === 1 ? p.k_per_split : p.OW)
    case 'batchnorm_stats':
      return () => p.rows_per_chunk / 2
    // Chunks four at a time; pairs of what was found; of rows, where squares left f32, none.
    case 'batchnorm_merge':
    case 'batchnorm_backward_merge':
      return ({ own }) =>
        own.load >= 8 ? ceilDiv(p.chunks, 4 * RUNS) : own.load ? 0 : own.dsRead ? Math.log2(RUNS) : 1
    case 'batchnorm_apply':
    case 'batchnorm_backward_sums':
    case 'batchnorm_backward_input':
      return () => p.rows_per_chunk
    case 'squeezeexcite_sums':
    case 'squeezeexcite_scale':
      return () => p.rows_per_chunk
    // Between loops over channels, which sum parts and multiply-add, one over the squeezed ones, 16 at a time.
    case 'squeezeexcite_gate':
      return (loop) => {
        if (loop.depth === 1) return has(loop, 'dsRead') ? ceilDiv(p.squeezed, 16) : ceilDiv(p.channels, 256)
        if (loop.own.dsRead) return 15
        if (has(loop.parent, 'dsRead')) return ceilDiv(p.channels, 16)
        return loop.own.fma ? p.squeezed : p.chunks
      }
    case 'squeezeexcite_backward_weight':
      return () => p.images
    // Four terms at a time, then what is left.
    case 'sum_forward': {
      const terms = ceilDiv(p.size, p.parts)
      return ({ own }) => (own.load > 1 ? Math.floor(terms / 4) : terms % 4)
    }
    case 'matmul_plain':
      return (loop) => (loop.depth === 1 ? ceilDiv(p.K, 512) : Math.min(p.K, 512))
    // Rows by sixteen invocations each, eight at a time; then columns by 128, four rows at a time.
    case 'layernorm_backward_tile':
      return (loop) => {
        const { depth, own, inner } = loop
        const isStoring = storesIn(loop)
        if (depth === 1) return inner.some(storesIn) || isStoring ? ceilDiv(p.cols, 128) : ceilDiv(p.rows_per_chunk, 8)
        return isStoring ? ceilDiv(p.rows_per_chunk, 4) : own.load ? ceilDiv(p.cols, 16) : 1
      }
    case 'layernorm_forward_tile':
      return (loop) =>
        loop.own.load || storesIn(loop) ? ceilDiv(p.cols, 64) : loop.own.dsRead ? 64 / loop.own.dsRead : 1
    default:
      return () => 1
  }
}
