// Arrays that are read only when they are wanted, so that what is written piece by piece never stands in memory whole.

/** Floats that are read when they are wanted, such as a tensor's on the GPU. */
export class LateArray {
  constructor(
    /** How many. */
    readonly length: number,
    /**
     * Reads them; may be called again.
     * @throws RadiogradError when they are no longer what they were.
     */
    readonly read: () => Promise<Float32Array>,
  ) {}

  /** A part, as of an array. */
  slice(start: number, end: number): LateArray {
    return new LateArray(end - start, async () => {
      const whole = await this.read()
      const part = whole.slice(start, end)
      release(whole)
      return part
    })
  }
}

/**
 * Gives an array's memory back at once, where the engine of JavaScript can: the collector comes when much more is
 * waiting for it.
 */
export const release = ({ buffer }: ArrayBufferView): void =>
  void (buffer as { transfer?(bytes: number): unknown }).transfer?.(0)

/** `T` with arrays of floats that may be late. */
export type Late<T> = T extends Float32Array
  ? T | LateArray
  : T extends ArrayBufferView
    ? T
    : T extends Map<infer K, infer V>
      ? Map<K, Late<V>>
      : T extends object
        ? { [K in keyof T]: Late<T[K]> }
        : T

/**
 * `value` with all its late arrays read, one after another: together they would take as much again to be read into.
 * @throws as {@link LateArray.read}.
 */
export async function readLate<T>(value: Late<T>): Promise<T> {
  const read = async (v: unknown): Promise<unknown> => {
    if (v instanceof LateArray) return v.read()
    if (typeof v !== 'object' || !v || ArrayBuffer.isView(v)) return v
    const entries: [unknown, unknown][] = []
    for (const [key, each] of v instanceof Map ? v : Object.entries(v)) entries.push([key, await read(each)])
    if (v instanceof Map) return new Map(entries)
    return Array.isArray(v) ? entries.map(([, each]) => each) : Object.fromEntries(entries as [string, unknown][])
  }
  return (await read(value)) as T
}
