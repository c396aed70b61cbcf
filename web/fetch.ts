// In a frame of its own: fetches weights from the address after `#` and keeps them. This document may connect to that
// address's host and to nothing else; the page itself, which holds the images, may not even do that.
import { keepWeights, nameOfAddress } from './weights.js'

export type FetchMessage = { done: number; total: number | null } | { name: string } | { error: string }

const tell = (message: FetchMessage) => parent.postMessage(message, location.origin)
const address = new URL(decodeURIComponent(location.hash.slice(1)))

const policy = document.createElement('meta')
policy.httpEquiv = 'Content-Security-Policy'
policy.content = `connect-src ${address.origin}`
document.head.append(policy)

try {
  const response = await fetch(address, { credentials: 'omit', referrerPolicy: 'no-referrer' })
  if (!response.ok || !response.body) throw new Error(`it answered ${response.status}`)
  const total = Number(response.headers.get('content-length')) || null
  let done = 0
  let told = 0
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      done += chunk.length
      if (performance.now() - told > 200) {
        told = performance.now()
        tell({ done, total })
      }
      controller.enqueue(chunk)
    },
  })
  const name = nameOfAddress(address)
  await keepWeights(name, response.body.pipeThrough(counted))
  tell({ name })
} catch (error) {
  tell({ error: (error as Error).message })
}
