// What a case file holds, and the reader of its fixture. The cases themselves (shapes, attributes, truth) come from
// test/fixtures/ops/make.py; a case file says how to run one, how exact it must be, and what it costs.
import { readFile } from 'node:fs/promises'
import { parseSafetensors } from '../../src/weights/readSafetensors.js'
import { type Tensor, tensor } from '../../src/tensor/tensor.js'
import type { Shape } from '../../src/util/check.js'

export type Shapes = Readonly<Record<string, Shape>>

/** One operator (or a family that shares a fixture): drives parity, gradient check and bench. */
export interface OpCase<A = any> {
  /** Name of the fixture file. */
  op: string
  /** Runs the operator on a case's inputs, by name. */
  run(inputs: Record<string, Tensor>, attrs: A): Tensor
  /** Largest relative error ‖a − b‖ / ‖b‖ of the output and of every gradient. Default 2e-5. */
  tolerance?: number
  /** Largest relative difference from finite differences. Default 2e-3; wider where a step may cross a kink. */
  gradTolerance?(attrs: A): number
  /** Step of finite differences for inputs of standard deviation `spread`. Default: its hundredth, at most 1e-2. */
  gradStep?(spread: number, attrs: A): number
  /** Floating point operations of the forward pass and of all gradients; a multiply-add counts as two. */
  flops(shapes: Shapes, attrs: A): { forward: number; backward: number }
  /** Bytes that must move at least. Default: {@link leastBytes}. */
  bytes?(shapes: Shapes, attrs: A): { forward: number; backward: number }
}

/** A tensor of a fixture. */
export interface Stored {
  shape: readonly number[]
  data: Float32Array | Int32Array
}

/** One case: inputs and what must come of them. */
export interface Fixture {
  name: string
  attrs: any
  inputs: Record<string, Stored>
  y: Stored
  dy: Stored
  /** Truth for the gradient of each floating input that has one. */
  gradients: Record<string, Stored>
  /** Truth for inputs that the operator updates in place. */
  after: Record<string, Stored>
}

const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1)

/** Every input read once and the output written once; backward: inputs and dy read, gradients written. */
export function leastBytes(shapes: Shapes): { forward: number; backward: number } {
  let inputs = 0
  for (const name in shapes) if (name !== 'y') inputs += 4 * size(shapes[name])
  const output = 4 * size(shapes.y)
  return { forward: inputs + output, backward: 2 * inputs + output }
}

/** `forward` operations for every element of `shapes[of]`, `backward` for its gradient. */
export function perElement(forward: number, backward: number, of = 'y') {
  return (shapes: Shapes) => ({ forward: forward * size(shapes[of]), backward: backward * size(shapes[of]) })
}

/** All cases of a fixture file. */
export async function loadFixtures(op: string): Promise<Fixture[]> {
  const url = new URL(`../../../test/fixtures/ops/${op}.safetensors`, import.meta.url)
  const { tensors, metadata } = parseSafetensors(new Uint8Array(await readFile(url)), `${op}.safetensors`)
  const fixtures: Record<string, Fixture> = {}
  for (const [name, attrs] of Object.entries(JSON.parse(metadata.cases))) {
    fixtures[name] = { name, attrs, inputs: {}, gradients: {}, after: {} } as unknown as Fixture
  }
  for (const [key, { shape, data }] of tensors) {
    const [name, field] = key.split('/')
    const fixture = fixtures[name]
    const stored = { shape, data } as Stored
    if (field === 'y' || field === 'dy') fixture[field] = stored
    else if (field.endsWith('.after')) fixture.after[field.slice(0, -6)] = stored
    else if (field[0] === 'd' && tensors.has(`${name}/${field.slice(1)}`)) fixture.gradients[field.slice(1)] = stored
    else fixture.inputs[field] = stored
  }
  return Object.values(fixtures)
}

/** Uploads a fixture's inputs; those with a gradient require it. */
export function upload(fixture: Fixture): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(fixture.inputs).map(([name, { shape, data }]) => [
      name,
      tensor(data.slice(), shape, { requiresGrad: name in fixture.gradients }),
    ]),
  )
}

/** ‖actual − expected‖ / ‖expected‖, absolute when the expected values vanish; infinite for a NaN or another length. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity
  let difference = 0
  let norm = 0
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2
    norm += expected[i] ** 2
  }
  const error = Math.sqrt(difference) / (norm > 1e-12 ? Math.sqrt(norm) : 1)
  return Number.isNaN(error) ? Infinity : error
}
