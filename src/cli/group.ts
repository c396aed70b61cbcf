// Commands that mpirun or srun has started several times, to work together.
import { availableParallelism } from 'node:os'
import { chooseGpu } from '../gpu/gpuOfRank.node.js'
import { type MpiGroup, joinMpi, launched, processesHere, rankHere, torchrun } from '../mpi.js'
import type { Group } from '../train/group.js'
import { check } from '../util/check.js'

/** What all processes fail at alike process 0 is to say alone: the others wait so long, each longer. */
const TURN_MS = 1000

let joined: MpiGroup | null = null

/**
 * Runs `work` together with the other processes that the launcher has started; alone where it has started no other.
 */
export async function withGroup<T>(work: (group?: Group, library?: Record<string, string>) => Promise<T>): Promise<T> {
  const { size } = launched() ?? { size: 1 }
  const alone = torchrun()?.size ?? 1
  check(size > 1 || alone === 1, `processes: must be started by mpirun or srun, got WORLD_SIZE=${alone} without them`)
  if (size === 1) return work()
  // Else the software driver of each process takes all cores.
  process.env.LP_NUM_THREADS ??= String(Math.max(1, Math.floor(availableParallelism() / processesHere())))
  if (processesHere() > 1) chooseGpu(rankHere())
  joined = await joinMpi()
  const result = await work(joined, { mpi: joined.library })
  joined.leave()
  joined = null
  return result
}

/** For commands whose processes would do the same work and write the same file. */
export function refuseGroup(command: string): void {
  const { size } = launched() ?? { size: 1 }
  check(size === 1, `${command}: must be started as one process, got ${size}`)
}

/** How this process is called in errors. */
export const processName = (): string => (joined?.rank ? `process ${joined.rank} of ${joined.size}: ` : '')

/** Before an error is said. */
export async function takeTurn(): Promise<void> {
  const { rank } = joined ?? launched() ?? { rank: 0 }
  if (rank > 0) await new Promise((resolve) => setTimeout(resolve, rank * TURN_MS))
}

/** After it: ends all processes, as the others wait for this one. Before they have joined the launcher does that. */
export function endGroup(): void {
  if (joined) joined.abort()
  else if ((launched()?.size ?? 1) > 1) process.exit()
}
