// The tape: which operator made which tensor, and the walk back.
import { gpu, perEngine } from '../gpu/gpu.js'
import type { Constants } from '../gpu/kernel.js'
import * as shaders from '../shaders.gen.js'
import { type Shape, check, formatShape, sameShape, shown } from '../util/check.js'
import { withDefaults } from '../util/options.js'
import { dependencies } from './dependencies.js'
import { autocasting, gradEnabled, noGrad, withMode } from './mode.js'
import { type BackwardOptions, type DType, Tensor, checkTensors, empty, gradientStorage, upload } from './tensor.js'

/**
 * Where a gradient goes on to: a leaf, or an output of the operator that made the tensor. Keeps no activation alive.
 */
interface Edge {
  readonly leaf: Tensor | null
  readonly node: Node | null
  readonly output: string
  readonly shape: Shape
  readonly dtype: DType
}

type Saved = Readonly<Record<string, Tensor | null>>

/** One application of an operator that a gradient may flow back through. */
export interface Node {
  readonly id: number
  readonly op: string
  /** The inputs that want a gradient. */
  readonly edges: Readonly<Record<string, Edge>>
  /** What the backward pass reads; null once one has freed it. */
  saved: Saved | null
  /** Versions of the saved tensors when they were saved. */
  readonly versions: Readonly<Record<string, number>>
  /** That of the first input, if it wants a gradient; what `backward` can do with it by the way. */
  readonly first: Edge | undefined
  readonly fuses: Fuses
  /** What its result ends in. `saved.pre` went into it, whose gradient `backward` takes beside or instead. */
  readonly activation: Activation | null
  /** Of a batchNorm in training, out of what is saved. */
  readonly normed: ((saved: Saved) => Normed | null) | null
  /** Fills `targets` (the wanted input gradients) from the output gradients; may return one to pass on instead. */
  readonly backward: (
    saved: Saved,
    outputs: Record<string, Tensor>,
    targets: Record<string, Tensor>,
    first: First,
  ) => Record<string, Tensor> | void
}

/** What may follow a product or a convolution in the same kernel (shaders/lib/activation.wgsl). */
export type Activation = Constants<typeof shaders.matmul_plain>['ACTIVATION']

/**
 * Adding it to another gradient, and making sums that the norm that made the input needs of it; taking it through the
 * activation that made the input.
 */
export type Fuses = 'sum' | 'activation' | null

/** A batchNorm in training: its input, its result if that ends in a relu, and stats [3, channels]. */
export interface Normed {
  readonly x: Tensor
  readonly y: Tensor | null
  readonly stats: Tensor
}

/** What the gradient of the first input is to be, where it can be more than that. */
export interface First {
  /** A gradient to add it to. */
  readonly there: Tensor | null
  /** The activation that made the input, and what went into it: the gradient of that is wanted. */
  readonly made: { readonly activation: Activation; readonly pre: Tensor } | null
  /** The norm that made the input, if nothing else will be added to the gradient. */
  readonly normed: Normed | null
}

const nextId = perEngine(() => ({ id: 0 }))

/** Puts an operator on the tape; `wants` are the names of the inputs that want a gradient. */
export function makeNode(
  op: string,
  inputs: Readonly<Record<string, Tensor | null>>,
  wants: readonly string[],
  saved: Saved,
  backward: Node['backward'],
  { fuses = null, activation = null, normed = null }: Partial<Pick<Node, 'fuses' | 'activation' | 'normed'>> = {},
): Node {
  const edges: Record<string, Edge> = {}
  for (const name of wants) edges[name] = edgeOf(inputs[name]!)
  const versions: Record<string, number> = {}
  for (const name in saved) versions[name] = saved[name]?.storage.version ?? 0
  const first = edges[Object.keys(inputs)[0]]
  const node = { id: nextId().id++, op, edges, first, saved, versions, fuses, activation, normed, backward }
  dependencies()?.made.add(node)
  return node
}

const edgeOf = (t: Tensor): Edge => {
  const { node, output, shape, dtype } = t
  return { leaf: node ? null : t, node, output, shape, dtype }
}

/** a + b, elementwise: neither is written, as a gradient may have been passed on to several. */
function sum(a: Tensor, b: Tensor): Tensor {
  const y = empty(a.shape, a.dtype, 'gradient')
  gpu.run(shaders.binary_forward, { a, b, y }, { n: a.size }, { elements: a.size }, { OP: 'add' })
  return y
}

/**
 * Reverse-mode differentiation: visits the nodes in the reverse order of their making, so that every sum has one order.
 */
export function backward(root: Tensor, gradient?: Tensor | null, options: BackwardOptions = {}): void {
  const { retainGraph } = withDefaults('backward', options, { retainGraph: false })
  root.storage.use('backward')
  check(root.requiresGrad, () => `backward: tensor ${formatShape(root.shape)} does not require a gradient`)
  check(
    (gradient ?? null) === null || gradient instanceof Tensor,
    () =>
      `backward: the gradient must be a tensor, got ${shown(gradient)}; options come second: backward(null, options)`,
  )
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
  noGrad(() => walk([[root, gradient ?? ones(root)]], retainGraph))
}

Tensor.prototype.backward = function (gradient, options) {
  backward(this, gradient, options)
}

const onesCache = perEngine(() => new Map<DType, Tensor>())

/** The one-element gradient that starts a backward pass; made once per engine. */
function ones({ shape, dtype }: Tensor): Tensor {
  const made = onesCache()
  let one = made.get(dtype)
  if (!one || one.storage.state !== 'live') made.set(dtype, (one = upload(Float32Array.of(1), [1], { dtype })))
  return new Tensor(one.storage, shape, dtype)
}

/** Brings gradients from the roots to all leaves. */
function walk(roots: readonly (readonly [Tensor, Tensor])[], retainGraph: boolean): void {
  const arrived = new Map<Node, Record<string, Tensor>>()
  const deliver = ({ leaf, node, output }: Edge, value: Tensor, replaces = false) => {
    if (node) {
      let outputs = arrived.get(node)
      if (!outputs) arrived.set(node, (outputs = {}))
      outputs[output] = outputs[output] && !replaces ? sum(outputs[output], value) : value
      return
    }
    const to = leaf!
    if (to.grad) {
      gpu.run(shaders.accumulate, { x: value, y: to.grad }, { n: to.size }, { elements: to.size })
    } else {
      to.grad = gradientOf(to)
      if (to.grad.storage !== value.storage) gpu.copy(value, to.grad)
    }
  }
  for (const [root, gradient] of roots) deliver(edgeOf(root), gradient)
  const nodes = reachable(roots.map(([root]) => root))
  const awaited = new Map<Node, number>() // gradients that may still come
  for (const { edges } of nodes)
    for (const { node } of Object.values(edges)) if (node) awaited.set(node, (awaited.get(node) ?? 0) + 1)
  for (const node of nodes) {
    for (const { node: maker } of Object.values(node.edges)) if (maker) awaited.set(maker, awaited.get(maker)! - 1)
    const outputs = arrived.get(node)
    if (!outputs) continue
    arrived.delete(node)
    const saved = usable(node)
    const targets: Record<string, Tensor> = {}
    for (const name in node.edges) {
      const { leaf, shape, dtype } = node.edges[name]
      // A parameter's first gradient is written where it belongs, without a copy.
      const direct = leaf && !leaf.grad && !Object.values(targets).some((t) => t.storage === gradientOf(leaf).storage)
      targets[name] = direct ? gradientOf(leaf) : empty(shape, dtype, `gradient of ${node.op}.${name}`)
    }
    const { first } = node
    const there = (node.fuses === 'sum' && first?.node && arrived.get(first.node)?.[first.output]) || null
    const maker = node.fuses === 'activation' && first ? behindViews(first) : null
    const pre = maker?.activation && maker.saved?.pre
    const made = pre ? { activation: maker.activation!, pre } : null
    const isLast = node.fuses === 'sum' && first?.node && !awaited.get(first.node)
    const behind = isLast && first.output === 'y' ? first.node! : null
    const normed = (behind?.saved && behind.normed?.(behind.saved)) ?? null
    const passed = node.backward(saved, outputs, targets, { there, made, normed }) ?? {}
    for (const name in node.edges) {
      const edge = node.edges[name]
      const value = passed[name] ?? targets[name]
      if (made && edge === first)
        deliver({ ...edge, node: maker, output: 'pre' }, new Tensor(value.storage, made.pre.shape, value.dtype))
      else deliver(edge, value, there !== null && edge === first)
    }
    if (!retainGraph && Object.keys(saved).length) node.saved = null
  }
}

/** What made a tensor, whatever shapes it was given since. */
function behindViews({ node }: Edge): Node | null {
  while (node?.op === 'reshape') node = node.edges.x.node
  return node
}

/** What a node has saved, if it is still there and still what it was. */
function usable(node: Node): Saved {
  const { op, saved, versions } = node
  check(saved, () => `backward: ${op} was freed by an earlier backward(); give that one { retainGraph: true }`)
  for (const name in saved) {
    check(
      (saved[name]?.storage.version ?? 0) === versions[name],
      () => `backward: '${name}' of ${op} was overwritten after the forward pass; run that again after writing`,
    )
  }
  const recording = dependencies()
  check(
    !recording?.replayed || recording.made.has(node),
    () => `backward: ${op} ran outside of this captured function, which may run again; run the forward pass in it, too`,
  )
  return saved
}

/** The leaf's gradient tensor; its bytes outlive steps. */
function gradientOf(leaf: Tensor): Tensor {
  return new Tensor(gradientStorage(leaf), leaf.shape, leaf.dtype)
}

/** All nodes that the roots depend on, latest first. */
function reachable(roots: readonly Tensor[]): Node[] {
  const found = new Set<Node>()
  const stack = roots.flatMap(({ node }) => node ?? [])
  while (stack.length) {
    const node = stack.pop()!
    if (found.has(node)) continue
    found.add(node)
    for (const { node: maker } of Object.values(node.edges)) if (maker) stack.push(maker)
  }
  return [...found].sort((a, b) => b.id - a.id)
}

/**
 * Runs `fn` without keeping what its backward pass needs; that pass runs it again (`torch.utils.checkpoint`; Chen et
 * al. 2016). Memory for time: gradients are the same bits in f32 (but for the order of sums where an input of `fn`
 * comes from a batchNorm; in f16 one that reaches an input may be rounded once more), dropout draws the same numbers.
 * State that `fn` updates in place is updated twice.
 * @throws unless it is given a function and a list of tensors.
 */
export function checkpoint(fn: (...inputs: Tensor[]) => Tensor[], inputs: readonly Tensor[]): Tensor[] {
  check(typeof fn === 'function' && Array.isArray(inputs), 'checkpoint: needs a function and a list of tensors')
  checkTensors('checkpoint', { ...inputs })
  if (!gradEnabled()) return fn(...inputs)
  const stream = gpu.stream
  const half = autocasting()
  const results = noGrad(() => fn(...inputs))
  const named = Object.fromEntries(inputs.map((x, i) => [i, x]))
  const kept = Object.fromEntries(inputs.map((x, i) => [i, x.detach()]))
  const wants = Object.keys(named).filter((name) => named[name].requiresGrad)
  const node = makeNode('checkpoint', named, wants, kept, (saved, outputs, targets) => {
    const leaves = Object.entries(saved).map(([i, x]) => {
      const leaf = x!.detach()
      leaf.requiresGrad = i in targets
      leaf.gradStorage = () => targets[i].storage
      return leaf
    })
    const after = gpu.stream
    gpu.stream = stream
    const again = withMode({ grad: true, half }, () => fn(...leaves), 'checkpoint')
    gpu.stream = after
    walk(
      again.flatMap((y, i) => (outputs[i] ? [[y, outputs[i]] as const] : [])),
      false,
    )
    for (const i in targets) if (!leaves[Number(i)].grad) gpu.zero(targets[i])
  })
  return results.map((result, i) => {
    const y = result.detach()
    y.node = node
    y.requiresGrad = true
    y.output = String(i)
    return y
  })
}
