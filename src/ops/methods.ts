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
  abs,
  add,
  div,
  exp,
  expand,
  flatten,
  log,
  logSoftmax,
  matmul,
  mean,
  mul,
  neg,
  permute,
  relu,
  reshape,
  sigmoid,
  slice,
  softmax,
  sqrt,
  squeeze,
  sub,
  sum,
  tanh,
  transpose,
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
