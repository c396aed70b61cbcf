// Operators as methods of tensors: x.add(y).relu().mean(). Those that models need anyway, so that they cost a page next
// to nothing: a bundler cannot tell which methods are called and keeps them all. The others are functions of `F`.
import { Tensor } from '../tensor/tensor.js'
import { add, div, mul, sub } from './binary.js'
import { flatten, permute, reshape, slice, squeeze, transpose, unsqueeze } from './layout.js'
import { matmul } from './matmul.js'
import { expand, mean, sum } from './reduce.js'
import { logSoftmax, softmax } from './softmax.js'
import { abs, exp, log, neg, relu, sigmoid, sqrt, tanh } from './unary.js'

const methods = {
  /** |x|, element by element. See {@link F.abs} (`torch.Tensor.abs`). */
  abs,
  /** x + y, broadcast; y is a tensor or a number. See {@link F.add} (`torch.Tensor.add`). */
  add,
  /** x / y, broadcast; y is a tensor or a number. See {@link F.div} (`torch.Tensor.div`). */
  div,
  /** eˣ, element by element. See {@link F.exp} (`torch.Tensor.exp`). */
  exp,
  /**
   * x repeated along axes of size 1, and new ones in front, up to a shape. See {@link F.expand}
   * (`torch.Tensor.expand`).
   */
  expand,
  /**
   * Axes startDim … endDim as one; those of an image in PyTorch's order. See {@link F.flatten}
   * (`torch.Tensor.flatten`).
   */
  flatten,
  /** The natural logarithm. See {@link F.log} (`torch.Tensor.log`). */
  log,
  /** The logarithm of softmax over an axis. See {@link F.logSoftmax} (`torch.Tensor.log_softmax`). */
  logSoftmax,
  /** Matrix product over the last two axes, batches broadcast. See {@link F.matmul} (`torch.Tensor.matmul`). */
  matmul,
  /** The mean over all axes, or those given. See {@link F.mean} (`torch.Tensor.mean`). */
  mean,
  /** x · y, broadcast; y is a tensor or a number. See {@link F.mul} (`torch.Tensor.mul`). */
  mul,
  /** -x. See {@link F.neg} (`torch.Tensor.neg`). */
  neg,
  /** Axes in another order. See {@link F.permute} (`torch.Tensor.permute`). */
  permute,
  /** max(x, 0). See {@link F.relu} (`torch.Tensor.relu`). */
  relu,
  /** The same elements in another shape; one axis may be -1. See {@link F.reshape} (`torch.Tensor.reshape`). */
  reshape,
  /** 1 / (1 + e⁻ˣ). See {@link F.sigmoid} (`torch.Tensor.sigmoid`). */
  sigmoid,
  /** Elements start … end-1 of an axis. See {@link F.slice} (`torch.Tensor.narrow`). */
  slice,
  /** exp(x) / Σ exp(x) over an axis. See {@link F.softmax} (`torch.Tensor.softmax`). */
  softmax,
  /** The square root. See {@link F.sqrt} (`torch.Tensor.sqrt`). */
  sqrt,
  /** Without an axis of size 1, or without all of them. See {@link F.squeeze} (`torch.Tensor.squeeze`). */
  squeeze,
  /** x - y, broadcast; y is a tensor or a number. See {@link F.sub} (`torch.Tensor.sub`). */
  sub,
  /** The sum over all axes, or those given. See {@link F.sum} (`torch.Tensor.sum`). */
  sum,
  /** The hyperbolic tangent. See {@link F.tanh} (`torch.Tensor.tanh`). */
  tanh,
  /** Two axes exchanged. See {@link F.transpose} (`torch.Tensor.transpose`). */
  transpose,
  /** With a new axis of size 1. See {@link F.unsqueeze} (`torch.Tensor.unsqueeze`). */
  unsqueeze,
}

/** Every function without its first argument, which is the tensor. */
type Methods = {
  [Name in keyof typeof methods]: (typeof methods)[Name] extends (x: Tensor, ...rest: infer Rest) => infer Result
    ? (...rest: Rest) => Result
    : never
}

declare module '../tensor/tensor.js' {
  // One type with the class.
  interface Tensor<D extends DType = any> extends Methods {}
}

const installed = Object.entries(methods).map(([name, operator]) => [
  name,
  {
    value(this: Tensor, ...rest: unknown[]) {
      return (operator as (x: Tensor, ...rest: unknown[]) => unknown)(this, ...rest)
    },
    writable: true,
    configurable: true,
  },
])

Object.defineProperties(Tensor.prototype, Object.fromEntries(installed) as PropertyDescriptorMap)
