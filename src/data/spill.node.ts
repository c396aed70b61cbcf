// Rows of bytes in a temporary file that nobody else sees. Its twin is spill.browser.ts.
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Rows of one length, by their numbers; what was written is gone when the process ends. */
export class Spill {
  private file: Promise<FileHandle> | undefined

  constructor(private readonly rowBytes: number) {}

  /** False where the disk has no room, or there is none. */
  async write(row: number, bytes: Uint8Array): Promise<boolean> {
    try {
      const file = await (this.file ??= temporary())
      const { bytesWritten } = await file.write(bytes, 0, this.rowBytes, row * this.rowBytes)
      return bytesWritten === this.rowBytes
    } catch {
      return false
    }
  }

  /** A row that was written. */
  async read(row: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.rowBytes)
    const file = await this.file!
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, row * this.rowBytes + at)
      if (!bytesRead) throw new Error('a temporary file was cut')
      at += bytesRead
    }
    return bytes
  }

  async close(): Promise<void> {
    await (await this.file?.catch(() => undefined))?.close()
  }
}

/** A file without a name: a process that is killed leaves nothing. */
async function temporary(): Promise<FileHandle> {
  const path = join(tmpdir(), `radiograd-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await rm(path).catch(() => {})
  return file
}
