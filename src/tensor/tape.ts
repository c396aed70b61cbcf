// The tape: which operator made which tensor, and the walk back.
import { gpu } from '../gpu/gpu.js'
import * as shaders from '../shaders.gen.js'
import { check, formatShape, sameShape } from '../util/check.js'
import { autocast, autocasting } from './autocast.js'
import { type DType, Tensor, empty, tensor } from './tensor.js'

/** One application of an operator that a gradient may flow back through. */
export interface Node {
  readonly id: number
  readonly op: string
  readonly inputs: Readonly<Record<string, Tensor | null>>
  /** Fills `targets` (the wanted input gradients) from the output gradients; may return one to pass on instead. */
  readonly backward: (outputs: Record<string, Tensor>, targets: Record<string, Tensor>) => Record<string, Tensor> | void
  /** Names of the inputs that want a gradient. */
  readonly wants: readonly string[]
}

let nextId = 0
let enabled = true

export const gradEnabled = () => enabled

/** Runs `fn` without recording anything on the tape (PyTorch's `torch.no_grad`). */
export function noGrad<T>(fn: () => T): T {
  const before = enabled
  enabled = false
  try {
    return fn()
  } finally {
    enabled = before
  }
}

export function makeNode(node: Omit<Node, 'id'>): Node {
  return { id: nextId++, ...node }
}

/** a + b, elementwise: neither is written, as a gradient may have been passed on to several. */
function sum(a: Tensor, b: Tensor): Tensor {
  const y = empty(a.shape, a.dtype, 'gradient')
  gpu.run(shaders.binary_forward, { a, b, y }, { n: a.size }, { elements: a.size }, { OP: 'add' })
  return y
}

/** Runs `fn` with recording on the tape, also inside {@link noGrad}. */
function withGrad<T>(fn: () => T): T {
  const before = enabled
  enabled = true
  try {
    return fn()
  } finally {
    enabled = before
  }
}

/**
 * Reverse-mode differentiation: visits the nodes in the reverse order of their making, so that every sum has one order.
 */
export function backward(root: Tensor, gradient?: Tensor): void {
  check(root.requiresGrad, () => `backward: tensor ${formatShape(root.shape)} does not require a gradient`)
  check(
    gradient || root.size === 1,
    () => `backward: a gradient must be given for a tensor of more than one element, got ${formatShape(root.shape)}`,
  )
  check(
    !gradient || sameShape(gradient.shape, root.shape),
    () =>
      `backward: the gradient must have the tensor's shape ` +
      `${formatShape(root.shape)}, got ${formatShape(gradient!.shape)}`,
  )
  check(
    !gradient || gradient.dtype === root.dtype,
    () => `backward: the gradient must have the tensor's dtype ${root.dtype}, got ${gradient!.dtype}`,
  )
  noGrad(() => walk([[root, gradient ?? ones(root)]]))
}

Tensor.prototype.backward = function (gradient) {
  backward(this, gradient)
}

const onesCache = new WeakMap<object, Map<DType, Tensor>>()

/** The one-element gradient that starts a backward pass; made once per engine. */
function ones({ shape, dtype }: Tensor): Tensor {
  const made = onesCache.get(gpu) ?? new Map<DType, Tensor>()
  onesCache.set(gpu, made)
  let one = made.get(dtype)
  if (!one || one.storage.state !== 'live') made.set(dtype, (one = tensor([1], [1], { dtype })))
  return new Tensor(one.storage, shape, dtype)
}

/** Brings gradients from the roots to all leaves. */
function walk(roots: readonly (readonly [Tensor, Tensor])[]): void {
  const arrived = new Map<Node, Record<string, Tensor>>()
  const deliver = (to: Tensor, value: Tensor) => {
    if (to.node) {
      let outputs = arrived.get(to.node)
      if (!outputs) arrived.set(to.node, (outputs = {}))
      outputs[to.output] = outputs[to.output] ? sum(outputs[to.output], value) : value
    } else if (to.grad) {
      gpu.run(shaders.accumulate, { x: value, y: to.grad }, { n: to.size }, { elements: to.size })
    } else {
      to.grad = gradientOf(to)
      if (to.grad.storage !== value.storage) gpu.copy(value, to.grad)
    }
  }
  for (const [root, gradient] of roots) deliver(root, gradient)
  for (const node of reachable(roots.map(([root]) => root))) {
    const outputs = arrived.get(node)
    if (!outputs) continue
    arrived.delete(node)
    const targets: Record<string, Tensor> = {}
    for (const name of node.wants) {
      const input = node.inputs[name]!
      // A parameter's first gradient is written where it belongs, without a copy.
      const direct =
        !input.node && !input.grad && !Object.values(targets).some((t) => t.storage === gradientOf(input).storage)
      targets[name] = direct ? gradientOf(input) : empty(input.shape, input.dtype, `gradient of ${node.op}.${name}`)
    }
    const passed = node.backward(outputs, targets) ?? {}
    for (const name of node.wants) deliver(node.inputs[name]!, passed[name] ?? targets[name])
  }
}

/** The leaf's gradient tensor; its bytes outlive steps. */
function gradientOf(leaf: Tensor): Tensor {
  if (!leaf.gradStorage) {
    const storage = gpu.memory.allocate(leaf.bytes, `gradient ${formatShape(leaf.shape)}`)
    leaf.gradStorage = () => storage
  }
  return new Tensor(leaf.gradStorage(), leaf.shape, leaf.dtype)
}

/** All nodes that the roots depend on, latest first. */
function reachable(roots: readonly Tensor[]): Node[] {
  const found = new Set<Node>()
  const stack = roots.flatMap(({ node }) => node ?? [])
  while (stack.length) {
    const node = stack.pop()!
    if (found.has(node)) continue
    found.add(node)
    for (const name of node.wants) {
      const maker = node.inputs[name]!.node
      if (maker) stack.push(maker)
    }
  }
  return [...found].sort((a, b) => b.id - a.id)
}

/**
 * Runs `fn` without keeping what its backward pass needs; that pass runs it again (`torch.utils.checkpoint`; Chen et
 * al. 2016). Memory for time: gradients are the same bits, dropout draws the same numbers. State that `fn` updates in
 * place is updated twice.
 */
export function checkpoint(fn: (...inputs: Tensor[]) => Tensor[], inputs: readonly Tensor[]): Tensor[] {
  if (!enabled) return fn(...inputs)
  const stream = gpu.stream
  const half = autocasting()
  const results = noGrad(() => fn(...inputs))
  const saved = inputs.map((x) => x.detach())
  const named = Object.fromEntries(inputs.map((x, i) => [i, x]))
  const node = makeNode({
    op: 'checkpoint',
    inputs: named,
    wants: Object.keys(named).filter((name) => named[name].requiresGrad),
    backward(outputs, targets) {
      const leaves = saved.map((x, i) => {
        const leaf = x.detach()
        leaf.requiresGrad = i in targets
        leaf.gradStorage = () => targets[i].storage
        return leaf
      })
      const after = gpu.stream
      gpu.stream = stream
      const again = withGrad(() => autocast(() => fn(...leaves), { enabled: half }))
      gpu.stream = after
      walk(again.flatMap((y, i) => (outputs[i] ? [[y, outputs[i]] as const] : [])))
      for (const i in targets) if (!leaves[Number(i)].grad) gpu.zero(targets[i])
    },
  })
  return results.map((result, i) => {
    const y = result.detach()
    y.requiresGrad = true
    y.node = node
    y.output = String(i)
    return y
  })
}
