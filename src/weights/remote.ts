// Fetching what an address answers with, within limits; in Node and in a page.
import { RadiogradError, fileError } from '../util/check.js'

/** The most that an address may answer with. */
const MOST_BYTES = 8 * 2 ** 30
/** A body that the server has packed may grow to this many times its size, or to the least. */
const MOST_GROWTH = 20
const LEAST_LIMIT = 64 * 2 ** 20

/** Whether an address is on this machine, where http is as good as https. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
}

/** An address as it may be shown: without name, password and query, which may hold secrets. */
export function shownAddress(url: string): string {
  if (!URL.canParse(url)) return url
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/**
 * All bytes that an address answers with.
 * @throws RadiogradError when it cannot be fetched, answers with a page, or with more than the limits
 */
export async function fetchBytes(address: string): Promise<Blob> {
  const fail = (why: string): never => {
    throw fileError(shownAddress(address), `cannot be fetched, ${why}`)
  }
  if (!URL.canParse(address) || new URL(address).username || new URL(address).password)
    return fail('its address must be whole and without a name or password')
  const response = await fetch(address).catch((error: Error & { cause?: Error }) =>
    fail(error.cause?.message ?? error.message),
  )
  if (!response.ok) fail(`the server answered ${response.status}`)
  const end = new URL(response.url || address)
  if (response.redirected && end.protocol !== 'https:' && !isLoopback(end.hostname))
    fail(`it leads to ${end.protocol}//${end.host}, which is not https`)
  if (/^text\/html/i.test(response.headers.get('content-type') ?? '')) fail('the server answered with a page')
  const length = Number(response.headers.get('content-length') ?? NaN)
  const packed = /\S/.test(response.headers.get('content-encoding')?.replace(/identity/i, '') ?? '')
  const limit = packed ? Math.min(MOST_BYTES, Math.max(LEAST_LIMIT, MOST_GROWTH * (length || 0))) : MOST_BYTES
  if (length > MOST_BYTES) fail(`it has ${length} bytes, more than ${MOST_BYTES}`)
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let have = 0
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      have += chunk.length
      if (have > limit) fail(`it has more than ${limit} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof RadiogradError) throw error
    fail(`the connection broke off after ${have} bytes`)
  }
  return new Blob(chunks)
}
