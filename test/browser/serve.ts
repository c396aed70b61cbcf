// A server for the built files, for tests in a page.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** An empty page, for programs that come from outside. */
export const EMPTY = '<!doctype html><title>radiograd</title><link rel="icon" href="data:,">'

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.map': 'application/json',
}

/**
 * Serves a folder, `dist` when left out, and some pages or files by path on localhost, which browsers trust like https. `report`
 * gets what a page posts.
 */
export async function serve(
  pages: Readonly<Record<string, string | Uint8Array>>,
  { folder = join(root, 'dist'), report }: { folder?: string; report?: (text: string) => void } = {},
): Promise<{ url: string; close: () => void }> {
  const server = createServer(async (request, response) => {
    const asked = normalize(new URL(request.url ?? '/', 'http://localhost').pathname)
    const path = asked === '/' && !('/' in pages) ? '/index.html' : asked
    if (request.method === 'POST') {
      let text = ''
      for await (const part of request) text += part
      report?.(text)
      return response.end()
    }
    const page = pages[path]
    const file = page === undefined ? await readFile(join(folder, path)).catch(() => null) : page
    response.statusCode = file === null ? 404 : 200
    response.setHeader('Content-Type', page === undefined ? (TYPES[extname(path)] ?? 'text/plain') : 'text/html')
    response.end(file)
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://localhost:${(server.address() as AddressInfo).port}`, close }
}
