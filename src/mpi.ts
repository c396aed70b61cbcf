// A group of processes that `mpirun` or `srun` has started, over the MPI library that they have: MPICH or Open MPI,
// called through koffi. For Node alone; loaded only where a launcher is.
/// <reference types="@webgpu/types" preserve="true" />
/// <reference lib="esnext.disposable" preserve="true" />
import { RadiogradError, check } from './util/check.js'
import { rangeOf } from './util/ranges.js'
import type { Group } from './train/group.js'

export { type Group, Team } from './train/group.js'

/** A call of the C library: waits for it in a thread of its own. */
type Call = (...args: unknown[]) => Promise<void>

/** What differs between the two: their files, and whether handles are addresses of symbols or numbers (mpi.h). */
const LIBRARIES = {
  'Open MPI': { files: ['libmpi.so.40', 'libmpi.40.dylib', 'libmpi.so'], handle: 'void *' },
  MPICH: { files: ['libmpich.so.12', 'libmpi.so.12', 'libmpi.12.dylib', 'libmpich.so'], handle: 'int' },
} as const
type Kind = keyof typeof LIBRARIES
const MPICH_HANDLES = { world: 0x44000000, byte: 0x4c00010d }

/** MPI_THREAD_SERIALIZED: calls may come from any thread, one at a time. */
const SERIALIZED = 2
/** Bytes of one message; counts in MPI are 32-bit. */
const MOST = 1 << 28

/**
 * How many processes the launcher of this one has started, which of them it is, and with which library; null where
 * there is no launcher.
 */
export function launched(
  env: Record<string, string | undefined> = process.env,
): { size: number; rank: number; kind: Kind } | null {
  const { OMPI_COMM_WORLD_SIZE: open, PMI_SIZE: mpich, PMIX_RANK: pmix, SLURM_NTASKS: slurm } = env
  if (open) return { size: Number(open), rank: Number(env.OMPI_COMM_WORLD_RANK ?? 0), kind: 'Open MPI' }
  if (mpich) return { size: Number(mpich), rank: Number(env.PMI_RANK ?? 0), kind: 'MPICH' }
  return pmix && slurm ? { size: Number(slurm), rank: Number(pmix), kind: 'Open MPI' } : null
}

/** How many processes of the group this machine has, for those that share its cores. */
export function processesHere(env: Record<string, string | undefined> = process.env): number {
  const { OMPI_COMM_WORLD_LOCAL_SIZE: open, MPI_LOCALNRANKS: mpich, SLURM_NTASKS_PER_NODE: slurm } = env
  return Number(open ?? mpich ?? slurm ?? launched(env)?.size ?? 1)
}

/** Which of the processes of the group on this machine this one is, from 0; 0 where no launcher says so. */
export function rankHere(env: Record<string, string | undefined> = process.env): number {
  const { OMPI_COMM_WORLD_LOCAL_RANK: open, MPI_LOCALRANKID: mpich, SLURM_LOCALID: slurm } = env
  return Number(open ?? mpich ?? slurm ?? 0)
}

/**
 * Which of how many processes this one is, for the `group` of a `DataLoader` (PyTorch's DistributedSampler): what
 * mpirun, srun or torchrun (`RANK`, `WORLD_SIZE`) says in the environment, else the only one. Nothing is joined.
 * @throws RadiogradError where RANK and WORLD_SIZE are no such numbers
 */
export function sampler(env: Record<string, string | undefined> = process.env): { rank: number; size: number } {
  const found = launched(env) ?? torchrun(env) ?? { rank: 0, size: 1 }
  return { rank: found.rank, size: found.size }
}

/**
 * What torchrun, or one that writes its variables, has started. It brings no MPI.
 * @throws RadiogradError where RANK and WORLD_SIZE are no such numbers.
 */
export function torchrun(env: Record<string, string | undefined> = process.env): { size: number; rank: number } | null {
  const { RANK, WORLD_SIZE } = env
  if (RANK === undefined || WORLD_SIZE === undefined) return null
  const [rank, size] = [Number(RANK), Number(WORLD_SIZE)]
  const valid = RANK !== '' && Number.isInteger(rank) && Number.isInteger(size) && rank >= 0 && rank < size
  check(valid, `environment: RANK must be one of WORLD_SIZE processes, from 0, got '${RANK}' of '${WORLD_SIZE}'`)
  return { rank, size }
}

/** A group over MPI. */
export interface MpiGroup extends Group {
  /** The library and its version, for the record. */
  readonly library: string
  /** Ends all processes of the group at once. */
  abort(): void
  /** Leaves the group; all processes do. */
  leave(): void
}

/**
 * Joins the processes that the launcher has started; `RADIOGRAD_MPI` names the library's file where it is not found.
 *
 * @throws RadiogradError where there is no launcher, no library, no koffi, or the library is not the launcher's.
 */
export async function joinMpi(): Promise<MpiGroup> {
  const found = launched()
  check(found, 'mpi: processes must be started by mpirun or srun, got none of their variables')
  const { size: wanted, kind } = found
  const { handle: H, files } = LIBRARIES[kind]
  const koffi = await import('koffi').then(
    (module) => module.default,
    () => {
      throw new RadiogradError("mpi: needs the package koffi ('npm install koffi'), got none")
    },
  )
  // UCX, below MPICH and Open MPI, patches brk, mmap and others in the running process, and takes over signals. Node
  // has threads in them by then: one process in some hundred ended with a fault in memory that was gone.
  process.env.UCX_MEM_EVENTS ??= 'n'
  process.env.UCX_HANDLE_ERRORS ??= 'none'
  const names = process.env.RADIOGRAD_MPI ? [process.env.RADIOGRAD_MPI] : files
  const errors: string[] = []
  const lib = names
    .map((name) => {
      try {
        return koffi.load(name, { global: true })
      } catch (error) {
        const [reason] = (error as Error).message.replace('Failed to load shared library: ', '').split('\n')
        errors.push(reason.includes(name) ? reason : `${name}: ${reason}`)
        return null
      }
    })
    .find((loaded) => loaded !== null)
  const rule = `needs the library of ${kind}, which started this process (RADIOGRAD_MPI names its file)`
  check(lib, `mpi: ${rule}, got ${errors.join('; ')}`)

  const declare = (name: string, ...types: string[]) => lib.func(`int ${name}(${types.join(', ')})`)
  const symbol = (name: string): unknown => {
    try {
      return lib.symbol(name, 'void')
    } catch {
      return null
    }
  }
  const [openWorld, openByte] = ['ompi_mpi_comm_world', 'ompi_mpi_byte'].map(symbol)
  check((openWorld !== null) === (kind === 'Open MPI'), `mpi: ${rule}, got another`)
  const [world, byte] = kind === 'Open MPI' ? [openWorld, openByte] : [MPICH_HANDLES.world, MPICH_HANDLES.byte]
  const succeed = (name: string, status: number) =>
    check(status === 0, `mpi: ${name} must succeed, got error ${status}`)

  const provided = [0]
  succeed(
    'MPI_Init_thread',
    declare('MPI_Init_thread', 'void *', 'void *', 'int', '_Out_ int *')(null, null, SERIALIZED, provided),
  )
  check(provided[0] >= SERIALIZED, `mpi: the library must allow calls from threads (serialized), got ${provided[0]}`)
  const ask = (name: string) => {
    const value = [0]
    succeed(name, declare(name, H, '_Out_ int *')(world, value))
    return value[0]
  }
  const [rank, size] = [ask('MPI_Comm_rank'), ask('MPI_Comm_size')]
  check(size === wanted, `mpi: ${rule}, got one that sees ${size} of ${wanted} processes`)
  const text = Buffer.alloc(8192)
  const length = [0]
  succeed('MPI_Get_library_version', declare('MPI_Get_library_version', 'void *', '_Out_ int *')(text, length))
  const library = `${kind} ${/\d+(\.\d+)+/.exec(text.toString('latin1', 0, length[0]))?.[0] ?? ''}`.trim()

  const call = (name: string, ...types: string[]): Call => {
    const fn = declare(name, ...types)
    return async (...args) => {
      const status = await new Promise<number>((resolve, reject) => {
        fn.async(...args, (error: Error | null, result: number) => (error ? reject(error) : resolve(result)))
      })
      succeed(name, status)
    }
  }
  const list = ['void *', 'void *', 'void *']
  const alltoall = call('MPI_Alltoallv', ...list, H, ...list, H, H)
  const allgather = call('MPI_Allgatherv', 'void *', 'int', H, ...list, H, H)
  const bcast = call('MPI_Bcast', 'void *', 'int', H, 'int', H)
  const gathered = async (bytes: Uint8Array, lengths: readonly number[]): Promise<Uint8Array[]> => {
    const all = new Uint8Array(lengths.reduce((a, b) => a + b, 0))
    check(all.length < MOST, `mpi: all processes together must send less than ${MOST} bytes, got ${all.length}`)
    const at = starts(lengths)
    await allgather(bytes, bytes.length, byte, all, Int32Array.from(lengths), at, byte, world)
    return lengths.map((n, r) => all.subarray(at[r], at[r] + n))
  }

  let last: Promise<unknown> = Promise.resolve()
  /** One operation after another, in the order in which they were asked for. */
  const serially = <A extends unknown[], T>(work: (...args: A) => Promise<T>) => {
    return (...args: A): Promise<T> => {
      const done = last.then(() => work(...args))
      last = done.catch(() => {})
      return done
    }
  }

  return {
    rank,
    size,
    library,
    // Each process sums a piece of its own over all ranks, in their order, and gives it to the others: as many bytes as
    // MPI_Allreduce sends, in an order that no library and no network changes.
    sum: serially(async (values: Float32Array) => {
      const lengths = Array.from({ length: size }, (_, r) => {
        const { start, end } = rangeOf(values.length, r, size)
        return end - start
      })
      const own = lengths[rank]
      const parts = new Float32Array(own * size)
      const bytes = (counts: readonly number[]) => Int32Array.from(counts, (n) => 4 * n)
      const equal = Array.from({ length: size }, () => own)
      const sent = bytes(lengths)
      const got = bytes(equal)
      await alltoall(values, sent, starts(sent), byte, parts, got, starts(got), byte, world)
      const sums = new Float64Array(own)
      for (let r = 0; r < size; r++) for (let i = 0; i < own; i++) sums[i] += parts[r * own + i]
      await allgather(Float32Array.from(sums), 4 * own, byte, values, sent, starts(sent), byte, world)
    }),
    gather: serially(async (bytes: Uint8Array) => {
      const numbers = await gathered(new Uint8Array(Float64Array.of(bytes.length).buffer), Array(size).fill(8))
      const lengths = numbers.map((n) => new Float64Array(n.slice().buffer)[0])
      return gathered(bytes, lengths)
    }),
    broadcast: serially(async (bytes: Uint8Array) => {
      const length = Float64Array.of(bytes.length)
      await bcast(length, 8, byte, 0, world)
      const all = rank === 0 ? bytes : new Uint8Array(length[0])
      for (let at = 0; at < all.length; at += MOST) {
        const part = all.subarray(at, at + MOST)
        await bcast(part, part.length, byte, 0, world)
      }
      return all
    }),
    abort: () => void declare('MPI_Abort', H, 'int')(world, 1),
    leave: () => succeed('MPI_Finalize', declare('MPI_Finalize')()),
  }
}

/** Where each of these begins when they lie one after another. */
function starts(lengths: ArrayLike<number>): Int32Array {
  const at = new Int32Array(lengths.length)
  for (let i = 1; i < lengths.length; i++) at[i] = at[i - 1] + lengths[i - 1]
  return at
}
