// What an adapter offers, as kernels care about it.

export interface Caps {
  /** Lanes of a subgroup when that number is fixed and usable, else 0. */
  subgroupSize: number
  /** A CPU pretending to be a GPU. */
  isSoftware: boolean
  f16: boolean
  /**
   * How the kernels by subgroup matrices multiply what tensors of a type hold, summed in f32; left out where they
   * cannot (`chromium-experimental-subgroup-matrix`).
   */
  matrices: Partial<Record<'f16' | 'f32', MatrixVariant>>
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

/** What tells a variant of lib/matrix.wgsl from the others for the same tensors. */
export interface MatrixVariant {
  S: 8 | 16
  E: 'f16' | 'f32'
  LANES: 8 | 32
  PIN: 0 | 1
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
  const matrices: Caps['matrices'] = {}
  if (has('subgroups') && has('chromium-experimental-subgroup-matrix')) {
    const configs = [...(info.subgroupMatrixConfigs ?? [])]
    const offers = (element: string, side: number) =>
      configs.some(
        ({ componentType, resultComponentType, M, N, K }) =>
          componentType === element && resultComponentType === 'f32' && M === side && N === side && K === side,
      )
    const { subgroupMinSize: least = 0, subgroupMaxSize: most = 0 } = info
    // Apple's subgroups are of 32, though Metal promises no number; AMD's can be asked for.
    const is32 = subgroupSize === 32 || info.vendor === 'apple'
    const pinned = !is32 && has('subgroup-size-control') && least <= 32 && 32 <= most
    if (f16 && offers('f16', 16) && (is32 || pinned)) matrices.f16 = { S: 16, E: 'f16', LANES: 32, PIN: pinned ? 1 : 0 }
    else if (f16 && offers('f16', 8) && subgroupSize === 8) matrices.f16 = { S: 8, E: 'f16', LANES: 8, PIN: 0 }
    if (offers('f32', 8) && is32) {
      matrices.f32 = { S: 8, E: 'f32', LANES: 32, PIN: 0 }
      if (f16) matrices.f16 ??= matrices.f32
    }
  }
  const hasRegisters = !isSoftware && ['amd', 'nvidia'].includes(info.vendor)
  const parallelism = isSoftware ? 16 : 512
  return { subgroupSize, isSoftware, f16, matrices, fixesShapes: !isSoftware, hasRegisters, parallelism, limits }
}
