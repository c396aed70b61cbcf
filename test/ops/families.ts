// The two families of kernels: `cpu`, where the adapter has subgroups of a fixed size, and `tile`, which runs anywhere,
// in tiles as large and as many parts as on a GPU. And choosing by hand among the implementations of an operator.
import type { Implementation, Pass } from '../../src/gpu/choices.js'
import { gpu } from '../../src/gpu/gpu.js'

export type Family = 'cpu' | 'tile'

/** The families this adapter can run. */
export function families(): Family[] {
  return gpu.caps.subgroupSize ? ['cpu', 'tile'] : ['tile']
}

/** Runs `work` with operators choosing kernels of that family. */
export async function within<T>(family: Family, work: () => Promise<T>): Promise<T> {
  const { subgroupSize, parallelism, hasRegisters } = gpu.caps
  if (family === 'tile') Object.assign(gpu.caps, { subgroupSize: 0, parallelism: 512, hasRegisters: true })
  try {
    return await work()
  } finally {
    Object.assign(gpu.caps, { subgroupSize, parallelism, hasRegisters })
  }
}

/** Runs `work` with the first applicable implementation whose name `is` wanted, or the default where there is none. */
export async function choosing<T>(is: (name: string) => boolean, work: () => Promise<T>): Promise<T> {
  const { choices } = gpu
  const { choose } = choices
  choices.choose = function <P>(pass: Pass<P>, problem: P) {
    const wanted = pass.implementations.find((one) => (one.applies?.(problem) ?? true) && is(one.name))
    return wanted ?? (choose.call(choices, pass, problem) as Implementation<P>)
  }
  try {
    return await work()
  } finally {
    choices.choose = choose
  }
}
