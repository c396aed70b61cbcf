// What a fuzzer is made of; each is a file of this folder that exports one as `campaign`.

export interface Campaign<T = unknown> {
  /** The input of that number: always the same. */
  make(index: number): Uint8Array
  /** The reader under test. */
  read(bytes: Uint8Array): Promise<T>
  /** What is wrong with something that was accepted; nothing where it is right. */
  wrong?(bytes: Uint8Array, result: T): string | undefined
  /** What to compare with a reference implementation in `reference.py`, as JSON. */
  summary?(result: T): unknown
}
