// The service worker: once loaded, the page works without a network. Keeps the files of one build, and asks nobody
// else.

/** By the build: this folder's files, and what changes with any of them. */
declare const FILES: readonly string[]
declare const VERSION: string

interface LifeEvent extends Event {
  waitUntil(work: Promise<unknown>): void
}
interface Asked extends Event {
  readonly request: Request
  respondWith(response: Promise<Response>): void
}

const scope = globalThis as unknown as EventTarget & {
  skipWaiting(): Promise<void>
  clients: { claim(): Promise<void> }
}
const CACHE = `radiograd-${VERSION}`
const on = <E extends Event>(type: string, act: (event: E) => void) =>
  scope.addEventListener(type, act as (event: Event) => void)

on<LifeEvent>('install', (event) =>
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll([...FILES]))
      .then(() => scope.skipWaiting()),
  ),
)
on<LifeEvent>('activate', (event) =>
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => scope.clients.claim()),
  ),
)
on<Asked>('fetch', (event) => {
  const { request } = event
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return
  event.respondWith(caches.match(request, { ignoreSearch: true }).then((kept) => kept ?? fetch(request)))
})
