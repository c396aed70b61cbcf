// Downloads from a hostile server: nothing is written outside the folder, followed off https, or taken unseen.
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RadiogradError } from '../../src/util/check.js'
import { download, fileNameOf } from '../../src/weights/download.node.js'
import { loadCheckpoint } from '../../src/weights/load.js'
import { shownAddress } from '../../src/weights/remote.js'
import { scratch } from '../cli/command.js'

const test = suite('downloads')
const body = Buffer.alloc(1000, 7)
let answer: (response: ServerResponse) => void
let requests = 0
const server = createServer((_, response) => {
  requests++
  answer(response)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.bin`
const plain = (response: ServerResponse) => void response.writeHead(200, { 'content-length': body.length }).end(body)

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
  } catch (error) {
    assert.instance(error, RadiogradError)
    return (error as Error).message
  }
  return 'accepted'
}

/** What fetching into an empty folder says, and the files there afterwards. */
async function fetched(next: typeof answer, address = url): Promise<string> {
  const folder = scratch()
  answer = next
  requests = 0
  const message = await refusal(() => download(address, join(folder, 'a.bin')))
  if (message !== 'accepted') assert.equal(readdirSync(folder), [])
  return message
}

test('an address becomes a plain name, or is refused', () => {
  const name = (path: string) => fileNameOf(`https://h/${path}`)
  assert.equal(
    [name('m/resnet.pth'), name('a%20b.pth?x=/y'), name('%E4%B8%AD.bin')],
    ['resnet.pth', 'a b.pth', '中.bin'],
  )
  assert.is(name('..%5C..%5Cevil'), 'evil')
  for (const path of [
    'x%2F..%2F..%2F.bashrc',
    '..%2F.profile',
    '.ssh',
    '',
    'a/',
    'a%2F',
    '..',
    '%2e%2e',
    'a%00b',
    'a%0ab',
    'a%1b[2J',
    'C%3Aevil',
    'a.',
    '%E0%A4%A',
    'x'.repeat(300),
  ])
    assert.throws(() => name(path), /its address must end in a plain file name/, path)
})

test('redirects lead to https or to this machine', async () => {
  const to = (location: string) => (response: ServerResponse) => void response.writeHead(302, { location }).end()
  assert.match(await fetched(to('data:text/plain,evil')), /a\.bin: cannot be fetched, the server leads to data:, which/)
  assert.match(await fetched(to('file:///etc/passwd')), /leads to file:, which is not https/)
  assert.match(await fetched(to('http://example.invalid/x')), /leads to http:\/\/example\.invalid, which is not https/)
  assert.match(await fetched(to('http://127.0.0.1.example.invalid/x')), /which is not https/)
  assert.match(await fetched(to('http://[')), /an address that is none/)
  assert.match(await fetched(to('https://u:secret@h/x')), /an address with a password$/)
  assert.is(requests, 1)
  assert.is(await fetched((response) => (requests === 1 ? to(url)(response) : plain(response))), 'accepted')
})

test('pages, packed, empty and endless bodies', async () => {
  const type = (response: ServerResponse) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
  assert.match(await fetched(type), /must be a file, got a page of HTML/)
  const bomb = gzipSync(Buffer.alloc(1e6))
  const packed = (response: ServerResponse) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
  assert.match(await fetched(packed), /must be sent as it is, got a body packed with gzip/)
  assert.match(await fetched((response) => void response.writeHead(200).end()), /must be a file, got nothing/)
  const huge = (response: ServerResponse) => void response.writeHead(200, { 'content-length': 2 ** 40 }).flushHeaders()
  assert.match(await fetched(huge), /must have at most 17179869184 bytes, got 1099511627776/)
  const more = (response: ServerResponse) => void response.writeHead(200, { 'x-linked-size': '10' }).end(body)
  assert.match(await fetched(more), /must have 10 bytes, got/)
  const lots = (response: ServerResponse) => void response.writeHead(200, { 'x-linked-size': 'lots' }).end(body)
  assert.is(await fetched(lots), 'accepted')
})

test('links are replaced, not followed', async () => {
  for (const link of ['a.bin', 'a.bin.part', 'a.bin.part.json']) {
    const folder = scratch()
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'precious')
    symlinkSync(victim, join(folder, link))
    answer = plain
    await download(url, join(folder, 'a.bin'))
    assert.is(readFileSync(victim, 'utf8'), 'precious', link)
    assert.equal(readFileSync(join(folder, 'a.bin')), body)
    assert.equal(readdirSync(folder).sort(), ['a.bin', 'victim'])
  }
  const folder = scratch()
  mkdirSync(join(folder, 'a.bin'))
  assert.match(await refusal(() => download(url, join(folder, 'a.bin'))), /must be a file, got a folder of that name$/)
})

test('no password and no query is shown or kept', async () => {
  assert.is(shownAddress('https://u:secret@h:8/a/b?token=secret#x'), 'https://h:8/a/b')
  assert.match(
    await fetched(plain, url.replace('//', '//u:secret@')),
    /^http:\/\/127[^@]*a\.bin: must be an .* without/,
  )
  assert.is(requests, 0)
  const folder = scratch()
  answer = (response) => {
    response.writeHead(200, { 'content-length': 2000, etag: '"v"' })
    response.write(body, () => response.destroy())
  }
  const message = await refusal(() => download(`${url}?token=secret`, join(folder, 'a.bin')))
  assert.match(message, /a\.bin: the connection broke off/)
  assert.ok(existsSync(join(folder, 'a.bin.part.json')))
  for (const text of [message, readFileSync(join(folder, 'a.bin.part.json'), 'utf8')]) assert.not.match(text, /secret/)
})

test('what partial files say of themselves is not trusted', async () => {
  for (const note of [
    `{"url":"${url}","version":"x\\r\\nEvil: 1"}`,
    `{"url":"${url}","version":{"a":1}}`,
    'null',
    '[',
    '3',
  ]) {
    const folder = scratch()
    writeFileSync(join(folder, 'a.bin.part'), 'zz')
    writeFileSync(join(folder, 'a.bin.part.json'), note)
    answer = plain
    await download(url, join(folder, 'a.bin'))
    assert.equal(readFileSync(join(folder, 'a.bin')), body)
  }
})

test('a checkpoint from an address: pages and what unpacks to very much are refused', async () => {
  answer = (response) => void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>')
  assert.match(await refusal(() => loadCheckpoint(url)), /cannot be fetched, the server answered with a page/)
  const bomb = gzipSync(Buffer.alloc(70 * 2 ** 20))
  answer = (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
  assert.match(await refusal(() => loadCheckpoint(url)), /it has more than 67108864 bytes/)
  assert.match(await refusal(() => loadCheckpoint(url.replace('//', '//u:secret@'))), /without a name or password$/)
})

test.after(() => {
  server.closeAllConnections()
  server.close()
})
test.run()
