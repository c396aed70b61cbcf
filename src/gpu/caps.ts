// What an adapter offers, as kernels care about it.

export interface Caps {
  /** Lanes of a subgroup when that number is fixed and usable, else 0. */
  subgroupSize: number
  /** A CPU pretending to be a GPU. */
  isSoftware: boolean
  f16: boolean
  /**
   * What subgroup matrices can multiply with sums in f32: f16 by 16×16×16, f32 by 8×8×8
   * (`chromium-experimental-subgroup-matrix`).
   */
  matrices: readonly ('f16' | 'f32')[]
  /**
   * Whether pipelines are made for shapes (`@shape`): what a GPU saves in divisions outweighs compiling more of them; a
   * software adapter compiles for longer than that.
   */
  fixesShapes: boolean
  /**
   * Whether an invocation has registers for 64 sums and what it takes to add to them: on AMD's and NVIDIA's GPUs it
   * does; on Apple's and Adreno they would spill, of others nobody knows yet.
   */
  hasRegisters: boolean
  /** Workgroups it takes to keep the whole chip busy. */
  parallelism: number
  limits: GPUSupportedLimits
}

/** A configuration of the experimental feature, which the types do not know yet. */
interface MatrixConfig {
  componentType: string
  resultComponentType: string
  M: number
  N: number
  K: number
}

/** An adapter's `info`, as far as it matters here. */
export type Info = Pick<GPUAdapterInfo, 'vendor' | 'subgroupMinSize' | 'subgroupMaxSize'> & {
  subgroupMatrixConfigs?: Iterable<MatrixConfig>
}

export function capsOf(
  { features, limits }: Pick<GPUDevice, 'features' | 'limits'>,
  info: Info,
  isSoftware: boolean,
): Caps {
  const has = (feature: string) => (features as ReadonlySet<string>).has(feature)
  const subgroupSize =
    has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize ? (info.subgroupMinSize ?? 0) : 0
  const f16 = has('shader-f16')
  // Kernels count on subgroups of 32, which Apple's are, though Metal promises no number.
  const fitting =
    has('subgroups') && has('chromium-experimental-subgroup-matrix') && (subgroupSize === 32 || info.vendor === 'apple')
  const configs = fitting ? [...(info.subgroupMatrixConfigs ?? [])] : []
  const offers = (element: string, side: number) =>
    configs.some(
      ({ componentType, resultComponentType, M, N, K }) =>
        componentType === element && resultComponentType === 'f32' && M === side && N === side && K === side,
    )
  const matrices = [
    ...(f16 && offers('f16', 16) ? (['f16'] as const) : []),
    ...(offers('f32', 8) ? (['f32'] as const) : []),
  ]
  const hasRegisters = !isSoftware && ['amd', 'nvidia'].includes(info.vendor)
  const parallelism = isSoftware ? 16 : 512
  return { subgroupSize, isSoftware, f16, matrices, fixesShapes: !isSoftware, hasRegisters, parallelism, limits }
}
