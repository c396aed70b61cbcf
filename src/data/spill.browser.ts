// A page keeps nothing on the disk: what memory has no room for is made again. Its twin is spill.node.ts.

export class Spill {
  async write(_row: number, _bytes: Uint8Array): Promise<boolean> {
    return false
  }

  async read(row: number): Promise<Uint8Array> {
    throw new Error(`a page has no row ${row} on a disk`)
  }

  async close(): Promise<void> {}
}
