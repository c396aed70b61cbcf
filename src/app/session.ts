// The engine for as long as a run needs it.
import { type Engine, init } from '../engine/index.js'
import { check } from '../util/check.js'
import type { RunEvent } from './events.js'
import type { MachineSettings } from './settingTables.js'

/** Takes the events of a run. */
export type Listener = (event: RunEvent) => void

/** Opens the adapter, says which, runs `work` and closes it, whatever happens. */
export async function withEngine<T>(
  { adapter, tune, seed = 0, dryRun }: MachineSettings & { seed?: number; dryRun?: boolean },
  on: Listener | undefined,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await init({ seed, adapter, dryRun, tune })
  try {
    const { adapterKind, adapterName: name, isSoftware } = engine
    check(adapterKind !== 'null', 'RADIOGRAD_ADAPTER: the null adapter computes nothing, got null')
    on?.({ kind: 'adapter', name, adapterKind, isSoftware })
    return await work(engine)
  } finally {
    engine.dispose()
  }
}

/**
 * Images per batch wherever nothing is learned, or as many as the adapter has room for; the same everywhere, so that
 * the same images give the same bits.
 */
export const EVALUATION_BATCH = 32
