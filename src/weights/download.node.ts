// One file from a server to the disk: in one piece, complete and verified, or not at all; a broken transfer goes on
// where it stopped.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { RadiogradError, check } from '../util/check.js'

export interface DownloadOptions {
  /**
   * The SHA-256 of the content, or its first digits, in hex. Default: the digits in torch.hub's file names
   * (`resnet18-f37072fd.pth`).
   */
  sha256?: string
  /** Bytes there, of how many in all (null where the server does not say). */
  onProgress?: (bytes: number, total: number | null) => void
  /** Stops; what has arrived stays for the next time. */
  signal?: AbortSignal
  /** Fetch although the file is there. */
  force?: boolean
}

/** What to continue a partial file with: kept beside it. */
interface Origin {
  url: string
  /** Of the version it is part of; If-Range takes an ETag or a date. */
  version: string | null
}

const MOST_FAILURES = 4
const MOST_REDIRECTS = 10
const PAUSE_MS = 150

/**
 * Fetches `url` into `target`; false when it was there already. Between failures that bring nothing new it waits and
 * tries again, four times.
 */
export async function download(url: string, target: string, options: DownloadOptions = {}): Promise<boolean> {
  const sha256 = options.sha256?.toLowerCase() ?? /-([0-9a-f]{8,64})\.\w+$/.exec(new URL(url).pathname)?.[1]
  if (!options.force && (await sizeOf(target)) > 0 && (!sha256 || (await hashOf(target)).startsWith(sha256)))
    return false
  const part = `${target}.part`
  await explained(target, () => mkdir(dirname(target), { recursive: true }))
  if (options.force) await rm(part, { force: true })
  let told: Told | null = null
  for (let failures = 0; !told;) {
    const before = await sizeOf(part)
    try {
      told = await transfer(url, part, options)
    } catch (error) {
      if (error instanceof RadiogradError || options.signal?.aborted) throw error
      failures = (await sizeOf(part)) > before ? 1 : failures + 1
      const { message, cause } = error as Error & { cause?: Error }
      check(
        failures < MOST_FAILURES,
        () =>
          `${url}: the connection broke off after ${before} bytes (${cause?.message ?? message}); run the command again to go on`,
      )
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** failures))
    }
  }
  await verify(url, part, { size: told.size, sha256: sha256 ?? told.sha256 })
  await explained(target, () => rename(part, target))
  await rm(`${part}.json`, { force: true })
  return true
}

/** Throws, and gives the file up, unless it is what was promised. */
async function verify(url: string, part: string, { size, sha256 }: Told): Promise<void> {
  const found = await sizeOf(part)
  const hash = sha256 && (size === null || found === size) ? await hashOf(part) : ''
  if ((size === null || found === size) && (!sha256 || hash.startsWith(sha256))) return
  await discard(part)
  check(size === null || found === size, `${url}: must have ${size} bytes, got ${found}`)
  throw new RadiogradError(
    `${url}: its SHA-256 must begin with ${sha256}, got ${hash.slice(0, Math.max(8, sha256!.length))}`,
  )
}

/** What a server has said of the whole file. */
interface Told {
  size: number | null
  sha256?: string
}

/**
 * One connection: appends to the partial file, from its end where the server lets it. Throws other errors than ours
 * when it breaks off.
 */
async function transfer(url: string, part: string, { signal, onProgress }: DownloadOptions): Promise<Told> {
  const origin = await originOf(part)
  let have = origin?.url === url && origin.version ? await sizeOf(part) : 0
  // Without a way to ask for the same version the rest might belong to another one.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  if (have) Object.assign(headers, { range: `bytes=${have}-`, 'if-range': origin!.version! })
  const { response, linked } = await follow(url, headers, signal)
  const { status, body } = response
  if (status === 416) {
    // there is nothing behind what we have: then it is not what we wanted
    await discard(part)
    throw new Error('the server has less than was fetched before')
  }
  if (status >= 500) throw new Error(`the server answered ${status}`)
  check(status === 200 || status === 206, `${url}: cannot be fetched, the server answered ${status}`)
  if (status === 200) have = 0
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
  if (status === 206 && Number(range?.[1]) !== have) {
    await discard(part)
    throw new Error(`the server answered another range than was asked for`)
  }
  const length = response.headers.get('content-length')
  const total = linked.size ?? (range ? Number(range[2]) : length === null ? null : Number(length))
  const version = response.headers.get('etag')?.startsWith('W/')
    ? null
    : (response.headers.get('etag') ?? response.headers.get('last-modified'))
  await explained(part, () => writeFile(`${part}.json`, JSON.stringify({ url, version } satisfies Origin)))
  const file = await explained(part, () => open(part, have ? 'a' : 'w'))
  try {
    onProgress?.(have, total)
    if (body)
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        await explained(part, () => file.writeFile(chunk))
        onProgress?.((have += chunk.length), total)
      }
  } finally {
    await file.close()
  }
  if (length !== null && total !== null && have < total) throw new Error(`${have} of ${total} bytes arrived`)
  return { size: total, sha256: linked.sha256 }
}

/** Follows redirects by hand, as Hugging Face tells a file's size and SHA-256 in the headers of its own. */
async function follow(
  url: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<{ response: Response; linked: Partial<Told> }> {
  const linked: Partial<Told> = {}
  let at = url
  for (let i = 0; i <= MOST_REDIRECTS; i++) {
    const response = await fetch(at, { headers, redirect: 'manual', signal })
    const size = response.headers.get('x-linked-size')
    const etag = response.headers.get('x-linked-etag')?.replaceAll('"', '')
    if (size) linked.size = Number(size)
    if (etag && /^[0-9a-f]{64}$/.test(etag)) linked.sha256 = etag
    const location = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || !location) return { response, linked }
    await response.body?.cancel()
    at = new URL(location, at).href
  }
  throw new RadiogradError(`${url}: cannot be fetched, more than ${MOST_REDIRECTS} redirects`)
}

async function originOf(part: string): Promise<Origin | null> {
  return readFile(`${part}.json`, 'utf8')
    .then(JSON.parse)
    .catch(() => null)
}

async function discard(part: string): Promise<void> {
  await rm(part, { force: true })
  await rm(`${part}.json`, { force: true })
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    (s) => s.size,
    () => 0,
  )
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array)
  return hash.digest('hex')
}

/** A failure of the disk as one line: trying again would not mend it. */
async function explained<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new RadiogradError(
      `${file}: cannot be written, ${code === 'ENOSPC' ? 'no space left on the disk' : (code ?? message)}`,
    )
  }
}
