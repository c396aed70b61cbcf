// Measures of spread and size over axes: variance, standard deviation, norms, and the logarithm of sums of
// exponentials.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { FLOATS, defineOp, view } from '../tensor/op.js'
import { type Tensor, empty } from '../tensor/tensor.js'
import { checkNumbers } from '../util/options.js'
import { add, div, mul, pow, sub } from './binary.js'
import { cast } from './cast.js'
import { eq, ne } from './compare.js'
import { unsqueeze } from './layout.js'
import { type Reduce, type ReduceOptions, dimsOf, folded, partsOf, reducedShape, sum, sumMiddle } from './reduce.js'
import { amax, amin } from './topk.js'
import { abs, clampOf, exp, log, sign, sqrt } from './unary.js'
import { maskedFill } from './where.js'

/**
 * y [outer, inner] = scale · Σ (x - center - rest) of x [outer, size, inner], or of their squares; its root if `root`.
 */
function sumDistances(
  x: Tensor,
  y: Tensor,
  { center = null, rest = null }: { center?: Tensor | null; rest?: Tensor | null },
  { scale, SQUARED, root = false }: { scale: number; SQUARED: boolean; root?: boolean },
): void {
  const [outer, size, inner] = x.shape
  const parts = partsOf(size, outer * inner, 16)
  const sums = empty([outer, parts, inner], 'f32', 'parts of distances')
  const params = { outer, size, inner, parts }
  gpu.run(shaders.deviation_forward, { x, center, rest, y: sums }, params, { invocations: sums.size }, { SQUARED })
  const total = root ? empty(y.shape, 'f32', 'squares') : y
  sumMiddle(sums, total, outer, parts, inner, scale)
  if (root) gpu.copy(cast(sqrt(total), y.dtype), y)
}

/**
 * y [outer, inner] = scale · Σ (x - mean)² of x [outer, size, inner], or of x² alone; its root if `root`. The mean is
 * `center` plus the mean of the distances from it: far from zero the rounding of one f32 would be as large as what is
 * left of x.
 */
const squaresOp = /* @__PURE__ */ defineOp({
  name: 'squares',
  dtypes: { x: FLOATS },
  auxiliary: ['center', 'rest'],
  saves: ['x', 'y', 'center', 'rest'],
  shape({ x }: { x: Tensor }, { centered }: Squares) {
    const shape = [x.shape[0], x.shape[2]]
    return { y: shape, center: centered ? shape : [1], rest: centered ? shape : [1] }
  },
  forward({ x }, { y, center, rest }, { scale, centered, root }) {
    const [outer, size, inner] = x.shape
    if (centered) {
      sumMiddle(x, center, outer, size, inner, 1 / size)
      sumDistances(x, rest, { center }, { scale: 1 / size, SQUARED: false })
    }
    sumDistances(x, y, centered ? { center, rest } : {}, { scale, SQUARED: true, root })
  },
  backward({ x, y, center, rest }, { y: dy }, { x: dx }, { scale, centered, root }) {
    if (!dx) return
    const [, size, inner] = x.shape
    gpu.run(
      shaders.deviation_backward,
      { x, center: centered ? center : null, rest: centered ? rest : null, y, dy, dx },
      { n: x.size, size, inner, scale: root ? scale : 2 * scale },
      { invocations: x.size },
      { ROOT: root },
    )
  },
})

interface Squares {
  scale: number
  centered: boolean
  root: boolean
}

/** Options of {@link var_ | var} and {@link std}. */
export interface VarOptions extends ReduceOptions {
  /** What is taken from the number of elements before dividing by it. Default 1. */
  correction?: number
}

function spread(name: string, x: Tensor, options: VarOptions | number | readonly number[], root: boolean): Tensor {
  const { dims, keepdim } = dimsOf(name, x, options, ['correction'])
  const { correction = 1 } = typeof options === 'object' ? (options as VarOptions) : {}
  checkNumbers(name, { correction })
  const rows = folded(x, dims)
  const scale = 1 / Math.max(0, rows.shape[1] - correction)
  return view(squaresOp({ x: rows }, { scale, centered: true, root }, name).y, reducedShape(x.shape, dims, keepdim))
}

/**
 * Variance over axes, given as to `sum`, divided by n - correction (default 1: NaN for one element). `torch.var`; named
 * `var_` inside, as `var` is a keyword.
 * @throws for an axis that does not exist, and a correction that is no number.
 */
export function var_(x: Tensor, options: VarOptions | number | readonly number[] = {}): Tensor {
  return spread('var', x, options, false)
}

/**
 * Standard deviation over axes, as `var`; the gradient of a deviation of 0 is 0. `torch.std`.
 * @throws as `var`.
 */
export function std(x: Tensor, options: VarOptions | number | readonly number[] = {}): Tensor {
  return spread('std', x, options, true)
}

/** Options of {@link norm}. */
export interface NormOptions extends ReduceOptions {
  /**
   * 2, default: the root of the sum of squares; 1: the sum of |x|; 0: how many are not 0; Infinity and -Infinity: the
   * largest and the smallest |x|; any other number: (Σ |x|ᵖ)^(1/p).
   */
  p?: number
}

/** y [outer, inner] = (Σ |x|ᵖ)^(1/p) of x [outer, size, inner]; for p = 0 the number of those that are not 0. */
const powersOp = /* @__PURE__ */ defineOp({
  name: 'norm',
  dtypes: { x: FLOATS },
  saves: ['x', 'y'],
  shape: ({ x }: { x: Tensor }, _: { p: number }) => ({ y: [x.shape[0], x.shape[2]] }),
  forward({ x }, { y }, { p }) {
    const v = x.detach()
    gpu.copy(p === 0 ? sum(ne(v, 0), 1) : pow(sum(pow(abs(v), p), 1), 1 / p), y)
  },
  backward({ x, y }, { y: dy }, wanted, { p }) {
    if (!wanted.x) return
    if (p === 0) return gpu.zero(wanted.x)
    // dy · sign(x) · (|x| / y)^(p - 1), whose factors are 0 where x or y is.
    const slope = maskedFill(pow(abs(x), p - 1), eq(x, 0), 0)
    const scale = maskedFill(div(dy, pow(y, p - 1)), eq(y, 0), 0)
    return { x: mul(mul(sign(x), slope), unsqueeze(scale, 1)) }
  },
})

/**
 * Norm over axes, given as to `sum`. The gradient of a norm of 0 is 0. `torch.norm`.
 * @throws when `p` is no number, or an axis does not exist.
 */
export function norm(x: Tensor, options: NormOptions | number | readonly number[] = {}): Tensor {
  const { dims, keepdim } = dimsOf('norm', x, options, ['p'])
  const { p = 2 } = typeof options === 'object' ? (options as NormOptions) : {}
  checkNumbers('norm', { p })
  const over = { dim: dims, keepdim }
  if (p === 1) return sum(abs(x), over)
  if (p === Infinity) return amax(abs(x), over)
  if (p === -Infinity) return amin(abs(x), over)
  const rows = folded(x, dims)
  const { y } =
    p === 2 ? squaresOp({ x: rows }, { scale: 1, centered: false, root: true }, 'norm') : powersOp({ x: rows }, { p })
  return view(y, reducedShape(x.shape, dims, keepdim))
}

/**
 * log Σ eˣ over axes, given as to `sum`; the largest is taken out first. `torch.logsumexp`.
 * @throws for an axis that does not exist or is named twice.
 */
export function logSumExp(x: Tensor, options: Reduce = {}): Tensor {
  const { dims, keepdim } = dimsOf('logSumExp', x, options)
  // A finite number, so that infinities stay what they are.
  const most = x.dtype === 'f16' ? 65504 : 3.4028234e38
  const largest = clampOf(amax(x.detach(), { dim: dims, keepdim: true }), { a: -most, b: most })
  const y = add(log(sum(exp(sub(x, largest)), { dim: dims, keepdim: true })), largest)
  return view(y, reducedShape(x.shape, dims, keepdim))
}
