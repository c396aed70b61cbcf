// The cache of measurements on this machine, by adapter. It lasts: a choice once measured stays until it is asked for
// anew, so that the same seed gives the same bits tomorrow.
import { location, readText, runtimeVersion, writeText } from '#platform/choices'
import { fingerprint } from '../shaders.lib.gen.js'

/** What was measured for a key: the implementation chosen, and milliseconds of it and of the default. */
export interface CacheEntry {
  chosen: string
  ms: number
  /** Left out where the default could not run or was wrong. */
  defaultMs?: number
}

type Entries = Record<string, CacheEntry>

interface Cache {
  format: 2
  adapters: Record<string, Entries>
}

/**
 * What measurements hold for: the adapter and its driver, what lies between it and us, and the kernels themselves. Null
 * for an adapter that does not say what it is, as in Firefox: two such GPUs would share measurements.
 */
export function adapterKey(info: GPUAdapterInfo, subgroupSize: number): string | null {
  const { vendor, architecture, device, description } = info
  if (![architecture, device, description].some(Boolean)) return null // one vendor makes large and small ones
  return [
    vendor,
    architecture,
    device,
    description,
    subgroupSize && `subgroups of ${subgroupSize}`,
    runtimeVersion(),
    `kernels ${fingerprint}`,
  ]
    .filter(Boolean)
    .join('; ')
}

/** What was measured for an adapter. A file that cannot be read counts as empty, with a warning. */
export async function readEntries(adapter: string): Promise<Map<string, CacheEntry>> {
  return new Map(Object.entries((await readCache()).adapters[adapter] ?? {}))
}

/**
 * Adds measurements of an adapter and gives back what holds for their keys: with `replace` these, else what another
 * process wrote in the meantime goes first. Where nothing can be written they last as long as this process, with a
 * warning.
 */
export async function writeEntries(
  adapter: string,
  measured: ReadonlyMap<string, CacheEntry>,
  replace: boolean,
): Promise<Map<string, CacheEntry>> {
  const cache = await readCache()
  const known = cache.adapters[adapter] ?? {}
  const fresh = Object.fromEntries(measured)
  const all = replace ? { ...known, ...fresh } : { ...fresh, ...known }
  cache.adapters[adapter] = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
  try {
    await writeText(`${JSON.stringify(cache, null, 1)}\n`)
  } catch (error) {
    warn(`cannot be written, so the measurements of this run are not kept: ${(error as Error).message}`)
  }
  return new Map([...measured.keys()].map((key) => [key, all[key]]))
}

async function readCache(): Promise<Cache> {
  const empty: Cache = { format: 2, adapters: {} }
  try {
    const text = await readText()
    if (text === null) return empty
    const cache: unknown = JSON.parse(text)
    if (isCache(cache)) return cache
    warn('is no cache of kernel measurements of this version, it is ignored')
  } catch (error) {
    warn(`cannot be read, it is ignored: ${(error as Error).message}`)
  }
  return empty
}

function isCache(value: unknown): value is Cache {
  const isRecord = (v: unknown): v is Record<string, unknown> =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
  const isEntry = (v: unknown) =>
    isRecord(v) &&
    typeof v.chosen === 'string' &&
    typeof v.ms === 'number' &&
    (v.defaultMs === undefined || typeof v.defaultMs === 'number')
  return (
    isRecord(value) &&
    value.format === 2 &&
    isRecord(value.adapters) &&
    Object.values(value.adapters).every((entries) => isRecord(entries) && Object.values(entries).every(isEntry))
  )
}

const warn = (what: string) => console.warn(`radiograd: ${location()} ${what.replace(/\s*\n\s*/g, ' ')}`)
