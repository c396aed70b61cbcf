// defineOp: one operator = shape rule, forward, backward, side by side.
import { type Shape, check, formatShape } from '../util/check.js'
import { gradEnabled } from './mode.js'
import { type Activation, type First, type Fuses, type Normed, makeNode } from './tape.js'
import { type DType, Tensor, checkTensors, empty } from './tensor.js'

type OutputShape = Shape | { shape: Shape; dtype: DType }

/** dtypes of what may be computed in either precision. */
export const FLOATS: readonly DType[] = ['f32', 'f16']
const ONLY_F32: readonly DType[] = ['f32']

/** `In`, `Out`: names of inputs and outputs; `A`: attributes. Optional inputs are null when left out. */
export interface OpSpec<In extends string, Opt extends In, Out extends string, Saved extends In | Out, A> {
  name: string
  /** Inputs that may be left out. */
  optional?: readonly Opt[]
  /** dtypes that inputs may have, where that is not f32 alone. All inputs that have a choice must choose alike. */
  dtypes?: { readonly [I in NoInfer<In>]?: readonly DType[] }
  /**
   * Output shapes; checks the arguments, with `as` for the name in errors. An output has the dtype that the inputs
   * chose, an auxiliary one f32, unless said otherwise.
   */
  shape(inputs: Inputs<In, Opt>, attrs: A, as: string): Record<Out, OutputShape>
  /** What backward may read; anything else is a type error there. */
  saves?: readonly Saved[]
  /** Inputs updated in place (running statistics): never differentiated. */
  mutates?: readonly NoInfer<In>[]
  /** What backward can do with the gradient of the first input by the way: it is told as `first`. */
  fuses?: Fuses
  /** The activation that `y` ends in: `pre`, saved, went into it, and backward may be given its gradient as well. */
  activation?(attrs: A): Activation
  /** A batchNorm whose backward sums may be made by what its `y` goes into, out of what is saved. */
  normed?(saved: Readonly<Record<string, Tensor | null>>, attrs: A): Normed | null
  /** Outputs that carry no gradient (indices, statistics). */
  auxiliary?: readonly NoInfer<Out>[]
  /** Fills the outputs. */
  forward(inputs: Inputs<In, Opt>, outputs: Record<Out, Tensor>, attrs: A): void
  /**
   * Fills the wanted input gradients (`dx.x` is undefined when nobody wants it). It may return a tensor under an
   * input's name to pass it on as that gradient instead of filling one (addition hands dy through).
   */
  backward?(
    saved: { [S in Saved]: S extends Opt ? Tensor | null : Tensor },
    outputs: { [O in Out]: Tensor },
    inputs: { [I in In]?: Tensor },
    attrs: A,
    first: First,
  ): { [I in In]?: Tensor } | void
}

export type Inputs<In extends string, Opt extends In> = { [I in In]: I extends Opt ? Tensor | null : Tensor }

/**
 * Makes a function of an operator: (inputs, attributes) → outputs. It allocates, runs forward, and puts a node on the
 * tape. A third argument is the name in errors, where a function of another name calls it.
 * @throws what the function it makes is given in place of tensors is refused, and dtypes that it does not take.
 */
export function defineOp<
  In extends string,
  Out extends string,
  A = object,
  Opt extends In = never,
  Saved extends In | Out = never,
>(spec: OpSpec<In, Opt, Out, Saved, A>): (inputs: Inputs<In, Opt>, attrs: A, as?: string) => Record<Out, Tensor> {
  const mutated = new Set<string>(spec.mutates)
  const auxiliary = new Set<string>(spec.auxiliary)
  const optional = new Set<string>(spec.optional)
  return (inputs, attrs, as = spec.name) => {
    for (const name in inputs) {
      const input = inputs[name] as Tensor | null
      if (input !== null || !optional.has(name)) checkTensors(as, { [name]: input })
      input?.storage.use(as)
    }
    const chosen = dtypeOf(as, inputs, spec.dtypes ?? {})
    const shapes = spec.shape(inputs, attrs, as)
    const outputs = {} as Record<Out, Tensor>
    for (const name in shapes) {
      const rule = shapes[name]
      const { shape, dtype } =
        'shape' in rule ? rule : { shape: rule as Shape, dtype: auxiliary.has(name) ? 'f32' : chosen }
      check(
        shape.every((s) => Number.isInteger(s) && s > 0),
        () => `${as}: sizes must be positive integers, got ${name} ${formatShape(shape)}`,
      )
      outputs[name] = empty(shape, dtype, `${as}.${name}`)
    }
    spec.forward(inputs, outputs, attrs)
    const wants =
      gradEnabled() && spec.backward
        ? (Object.keys(inputs) as In[]).filter((name) => inputs[name]?.requiresGrad && !mutated.has(name))
        : []
    if (wants.length) {
      const saved = {} as Record<Saved, Tensor | null>
      for (const name of spec.saves ?? []) {
        const kept =
          name in outputs ? outputs[name as unknown as Out] : (inputs[name as unknown as In] as Tensor | null)
        saved[name] = kept && new Tensor(kept.storage, kept.shape, kept.dtype)
      }
      const node = makeNode(
        spec.name,
        inputs,
        wants,
        saved,
        (kept, dOutputs, targets, first) =>
          spec.backward!(kept as never, dOutputs as never, targets as never, attrs, first) as never,
        {
          fuses: spec.fuses,
          activation: spec.activation?.(attrs),
          normed: spec.normed && ((kept) => spec.normed!(kept, attrs)),
        },
      )
      for (const name in outputs) {
        if (auxiliary.has(name)) continue
        outputs[name].node = node
        outputs[name].requiresGrad = true
        outputs[name].output = name
      }
    }
    return outputs
  }
}

/** Checks the inputs' dtypes; gives the one that those with a choice have. */
function dtypeOf(
  op: string,
  inputs: Record<string, Tensor | null>,
  dtypes: { readonly [input: string]: readonly DType[] | undefined },
): DType {
  let chosen: { name: string; dtype: DType } | null = null
  for (const name in inputs) {
    const dtype = inputs[name]?.dtype
    if (dtype === undefined) continue
    const allowed = dtypes[name] ?? ONLY_F32
    check(allowed.includes(dtype), () => `${op}: '${name}' takes ${allowed.join(' or ')}, got ${dtype}; cast it`)
    if (allowed.length === 1) continue
    check(
      !chosen || chosen.dtype === dtype,
      () => `${op}: '${chosen!.name}' and '${name}' must have one dtype, got ${chosen!.dtype} and ${dtype}; cast one`,
    )
    chosen ??= { name, dtype }
  }
  return chosen?.dtype ?? 'f32'
}

/** The same bytes under another shape; the gradient is viewed back (`torch.Tensor.view`). */
export function view(x: Tensor, shape: Shape): Tensor {
  const y = new Tensor(x.storage.use('reshape'), [...shape], x.dtype)
  if (x.requiresGrad && gradEnabled()) {
    const { shape: before } = x
    y.node = makeNode('reshape', { x }, ['x'], {}, (_, { y: dy }) => ({
      x: new Tensor(dy.storage, before, dy.dtype),
    }))
    y.requiresGrad = true
    y.output = 'y'
  }
  return y
}
