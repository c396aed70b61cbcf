// One file from a server to the disk: in one piece, complete and verified, or not at all; a broken transfer goes on
// where it stopped.
import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { RadiogradError, check, fileError } from '../util/check.js'
import { isLoopback, shownAddress } from './remote.js'

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
  /** Without the query, which may hold a secret and differ each time. */
  url: string
  /** Of the version it is part of; If-Range takes an ETag or a date. */
  version: string | null
}

const MOST_FAILURES = 4
const MOST_REDIRECTS = 10
const PAUSE_MS = 150
/** A connection that brings nothing for so long is given up. */
const STALL_MS = 60_000
/** The most a file may have, and the most where the server does not say how long it is. */
const MOST_BYTES = 16 * 2 ** 30
const MOST_UNTOLD = 4 * 2 ** 30
/** Links are never followed: a file of somebody else could lie behind one. */
const NO_LINKS = constants.O_NOFOLLOW ?? 0

/**
 * The name under which a file of that address is kept: the last part of its decoded path.
 * @throws RadiogradError where that is not a plain name
 */
export function fileNameOf(url: string): string {
  const fail = (got: string): never => {
    throw fileError(shownAddress(url), `its address must end in a plain file name, got ${JSON.stringify(got)}`)
  }
  const { pathname } = new URL(url)
  let path: string
  try {
    path = decodeURIComponent(pathname)
  } catch {
    return fail(pathname)
  }
  const name = path.split(/[/\\]/).pop()!
  const fits = !/^\.|[. ]$|[\p{C}:*?"<>|]/u.test(name) && name !== '' && new TextEncoder().encode(name).length <= 200
  return fits ? name : fail(name)
}

/**
 * Fetches `url` into `target`; false when it was there already. Between failures that bring nothing new it waits and
 * tries again, four times.
 * @throws RadiogradError in one line, without what of the address could be secret
 */
export async function download(url: string, target: string, options: DownloadOptions = {}): Promise<boolean> {
  const { protocol, username, password } = new URL(url)
  const shown = shownAddress(url)
  check(
    (protocol === 'https:' || protocol === 'http:') && !username && !password,
    `${shown}: must be an http(s) address without a name or password in it`,
  )
  const there = await lstat(target).catch(() => null)
  check(!there?.isDirectory(), `${target}: must be a file, got a folder of that name`)
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
          `${shown}: the connection broke off after ${before} bytes (${cause?.message ?? message}); ` +
          'run the command again to go on',
      )
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** failures))
    }
  }
  // Another run of the command may have finished the same file meanwhile.
  const size = await sizeOf(part)
  if (!size && (await sizeOf(target)) > 0 && (await sizeOf(target)) === told.size) return true
  if (!size) await discard(part)
  check(size, `${shown}: must be a file, got nothing`)
  await verify(shown, part, { size: told.size, sha256: sha256 ?? told.sha256 })
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

/** One connection, given up when it stalls. Throws other errors than ours when it breaks off. */
async function transfer(url: string, part: string, { signal, onProgress }: DownloadOptions): Promise<Told> {
  const stalled = new AbortController()
  let timer = setTimeout(() => stalled.abort(), STALL_MS)
  try {
    return await receive(url, part, {
      signal: AbortSignal.any([stalled.signal, ...(signal ? [signal] : [])]),
      onProgress: (...progress) => {
        clearTimeout(timer)
        timer = setTimeout(() => stalled.abort(), STALL_MS)
        onProgress?.(...progress)
      },
    })
  } finally {
    clearTimeout(timer)
  }
}

/** Appends to the partial file, from its end where the server lets it. */
async function receive(
  url: string,
  part: string,
  { signal, onProgress }: Required<Pick<DownloadOptions, 'signal' | 'onProgress'>>,
): Promise<Told> {
  const shown = shownAddress(url)
  const origin = await originOf(part)
  // Without a way to ask for the same version the rest might belong to another one.
  const version = origin?.url === shown && /^[\x20-\x7e]+$/.test(String(origin.version)) ? origin.version : null
  let have = version ? await sizeOf(part) : 0
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  if (version && have) Object.assign(headers, { range: `bytes=${have}-`, 'if-range': version })
  const { response, linked } = await follow(url, headers, signal)
  const { status, body } = response
  const header = (name: string) => response.headers.get(name)
  if (status === 416) {
    // there is nothing behind what we have: then it is not what we wanted
    await discard(part)
    throw new Error('the server has less than was fetched before')
  }
  if (status >= 500) throw new Error(`the server answered ${status}`)
  check(status === 200 || status === 206, `${shown}: cannot be fetched, the server answered ${status}`)
  const packing = header('content-encoding') ?? 'identity'
  check(/^identity$/i.test(packing), `${shown}: must be sent as it is, got a body packed with ${packing}`)
  check(
    !/^text\/html/i.test(header('content-type') ?? ''),
    `${shown}: must be a file, got a page of HTML (does it ask to log in?)`,
  )
  if (status === 200) have = 0
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(header('content-range') ?? '')
  if (status === 206 && Number(range?.[1]) !== have) {
    await discard(part)
    throw new Error(`the server answered another range than was asked for`)
  }
  const length = header('content-length')
  const total = linked.size ?? (range ? Number(range[2]) : length === null ? null : Number(length))
  check((total ?? 0) <= MOST_BYTES, `${shown}: must have at most ${MOST_BYTES} bytes, got ${total}`)
  const etag = header('etag')
  await explained(part, () =>
    noteOrigin(part, { url: shown, version: etag?.startsWith('W/') ? null : (etag ?? header('last-modified')) }),
  )
  const file = await explained(part, async () => {
    if (!(await lstat(part).catch(() => null))?.isFile()) await rm(part, { force: true })
    const how = have ? constants.O_APPEND : constants.O_TRUNC
    return open(part, constants.O_WRONLY | constants.O_CREAT | NO_LINKS | how)
  })
  try {
    onProgress(have, total)
    if (body)
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        await explained(part, () => file.writeFile(chunk))
        onProgress((have += chunk.length), total)
        if (have > (total ?? MOST_UNTOLD)) break // more than was told is found out when the file is verified
      }
  } finally {
    await file.close()
  }
  if (length !== null && total !== null && have < total) throw new Error(`${have} of ${total} bytes arrived`)
  if (total === null && have > MOST_UNTOLD) {
    await discard(part)
    throw fileError(shown, `must have at most ${MOST_UNTOLD} bytes, got more`)
  }
  return { size: total, sha256: linked.sha256 }
}

/** Writes what is known of a partial file beside it, as a new file. */
async function noteOrigin(part: string, origin: Origin): Promise<void> {
  await rm(`${part}.json`, { force: true })
  const note = await open(`${part}.json`, 'wx')
  try {
    await note.writeFile(JSON.stringify(origin))
  } finally {
    await note.close()
  }
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
    const fail = (why: string): never => {
      throw fileError(shownAddress(url), `cannot be fetched, ${why}`)
    }
    const size = response.headers.get('x-linked-size')
    const etag = response.headers.get('x-linked-etag')?.replaceAll('"', '')
    if (size && /^\d{1,15}$/.test(size)) linked.size = Number(size)
    if (etag && /^[0-9a-f]{64}$/.test(etag)) linked.sha256 = etag
    const location = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || !location) return { response, linked }
    await response.body?.cancel()
    if (!URL.canParse(location, at)) fail('the server leads to an address that is none')
    const next = new URL(location, at)
    if (next.protocol !== 'https:' && !(next.protocol === 'http:' && isLoopback(next.hostname)))
      fail(`the server leads to ${next.protocol}${next.host && `//${next.host}`}, which is not https`)
    if (next.username || next.password) fail('the server leads to an address with a password')
    at = next.href
  }
  throw fileError(shownAddress(url), `cannot be fetched, more than ${MOST_REDIRECTS} redirects`)
}

async function originOf(part: string): Promise<Origin | null> {
  return readFile(`${part}.json`, 'utf8')
    .then((text) => JSON.parse(text) as Origin | null)
    .catch(() => null)
}

async function discard(part: string): Promise<void> {
  await rm(part, { force: true })
  await rm(`${part}.json`, { force: true })
}

/** Of a regular file; links and what is not there have none. */
async function sizeOf(file: string): Promise<number> {
  return lstat(file).then(
    (s) => (s.isFile() ? s.size : 0),
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
