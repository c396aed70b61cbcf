// What reading one untrusted file may cost. A reader spends as it goes and is stopped with one line that names the
// file, so that no small file can take the memory or the time of a large one.
import { fileError } from './check.js'

/**
 * `K` are the things counted, in words that end up in the error: `'pickle opcodes'`, `'bytes unpacked'`, `'pixels'`.
 */
export class Budget<K extends string> {
  private readonly spent: Record<K, number>
  private readonly deadline: number
  private calls = 0

  /**
   * @param file for messages
   * @param limits the most of each
   * @param seconds the most time from now on; a net below the other limits, so it should be generous
   */
  constructor(
    readonly file: string,
    private readonly limits: Readonly<Record<K, number>>,
    private readonly seconds: number,
  ) {
    this.spent = Object.fromEntries(Object.keys(limits).map((kind) => [kind, 0])) as Record<K, number>
    this.deadline = performance.now() + seconds * 1000
  }

  /** Takes `amount` before it is used. @throws when more was asked for than the limit, or the time is up */
  spend(kind: K, amount = 1): void {
    // Written so that NaN is refused as well.
    if (!((this.spent[kind] += amount) <= this.limits[kind]))
      throw fileError(this.file, `refused to read on, it asks for more than ${this.limits[kind]} ${kind}`)
    if ((++this.calls & 1023) === 0) this.checkTime()
  }

  /** Gives back what is no longer held. */
  release(kind: K, amount: number): void {
    this.spent[kind] -= amount
  }

  /** For long loops that spend nothing. @throws when the time is up */
  checkTime(): void {
    if (performance.now() > this.deadline)
      throw fileError(this.file, `refused to read on, it takes more than ${this.seconds} seconds`)
  }
}
