// The two kernel families: `subgroup` where the adapter has subgroups of a fixed size, and `tile`, which runs anywhere,
// cut into as many parts as for a GPU. And choosing by hand among the ways to run an operator.
import { gpu } from '../../src/gpu/gpu.js'

export type Family = 'subgroup' | 'tile'

/** The families this adapter can run. */
export function families(): Family[] {
  return gpu.caps.subgroupSize ? ['subgroup', 'tile'] : ['tile']
}

/** Runs `work` with operators choosing kernels of that family. */
export async function within<T>(family: Family, work: () => Promise<T>): Promise<T> {
  const { subgroupSize, parallelism } = gpu.caps
  if (family === 'tile') Object.assign(gpu.caps, { subgroupSize: 0, parallelism: 512 })
  try {
    return await work()
  } finally {
    Object.assign(gpu.caps, { subgroupSize, parallelism })
  }
}

/** Runs `work` with the first candidate whose name `is` wanted chosen wherever there is one, else the usual one. */
export async function choosing<T>(is: (name: string) => boolean, work: () => Promise<T>): Promise<T> {
  const { of } = gpu.choices
  gpu.choices.of = ({ candidates, usual }) => candidates.find(({ name }) => is(name)) ?? usual
  try {
    return await work()
  } finally {
    gpu.choices.of = of
  }
}
