// radiograd download against a server on this machine that breaks off, lies and redirects; and --weights with what it
// fetched.
import * as assert from 'uvu/assert'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import { main, radiograd, scratch } from './command.js'

const test = suite('download')
const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 11) & 255))
const sha256 = createHash('sha256').update(content).digest('hex')
const name = `weights-${sha256.slice(0, 8)}.pth`

type Answer = (request: IncomingMessage, response: ServerResponse, visit: number) => void
let answer: Answer
let requests: { url: string; range: string; served: number }[] = []

const server = createServer((request, response) => {
  const entry = { url: request.url!, range: request.headers.range ?? '', served: 0 }
  requests.push(entry)
  const write = response.write.bind(response)
  response.write = ((chunk: Buffer, ...rest: []) => {
    entry.served += chunk.length
    return write(chunk, ...rest)
  }) as typeof response.write
  response.on('error', () => {})
  answer(request, response, requests.length)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** A well-behaved server of `content`, which sends at most `most` bytes and then hangs up. */
function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { most = Infinity, etag = '"v1"', ranges = true, length = content.length } = {},
): void {
  const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  const first = ranges && asked && request.headers['if-range'] === etag ? Number(asked[1]) : 0
  if (first >= content.length) return void response.writeHead(416).end()
  response.writeHead(first ? 206 : 200, {
    etag,
    'content-length': length - first,
    connection: 'close',
    ...(first ? { 'content-range': `bytes ${first}-${content.length - 1}/${content.length}` } : {}),
  })
  response.write(content.subarray(first, Math.min(content.length, first + most)), () => {
    // What was sent arrives, but no more.
    if (first + most < content.length || length > content.length) response.socket!.end()
    else response.end()
  })
}

/** Runs the command with an empty cache, or a given one. */
async function run(
  args: readonly string[],
  { next, cache = scratch(), env = {} }: { next?: Answer; cache?: string; env?: Record<string, string> } = {},
) {
  requests = []
  answer = next ?? ((request, response) => serve(request, response))
  const result = await radiograd(['download', ...args], { env: { XDG_CACHE_HOME: cache, ...env } })
  const folder = join(cache, 'radiograd/weights')
  return { ...result, cache, folder, files: existsSync(folder) ? readdirSync(folder).sort() : [] }
}

const whole = (file: string) => assert.ok(readFileSync(file).equals(content), 'the file is what the server has')

test('an address: fetched, checked by the digits in its name, kept; not fetched again', async () => {
  const first = await run([`${origin}/${name}`])
  assert.is(first.code, 0, first.stderr)
  assert.equal(first.files, [name])
  whole(join(first.folder, name))
  assert.match(first.stdout, `wrote     ${join(first.folder, name)}`)
  const again = await run([`${origin}/${name}`, '--json'], { cache: first.cache })
  assert.equal(JSON.parse(again.stdout), { files: [join(first.folder, name)] })
  assert.equal([again.code, requests.length], [0, 0])
  const forced = await run([`${origin}/${name}`, '--force'], { cache: first.cache })
  assert.equal([forced.code, requests.length], [0, 1])
})

test('a connection that breaks off: goes on where it stopped, with only the rest', async () => {
  const { code, files, folder } = await run([`${origin}/${name}`], {
    next: (request, response) => serve(request, response, { most: 100_000 }),
  })
  assert.is(code, 0)
  const starts = requests.map((r) => Number(/\d+/.exec(r.range)?.[0] ?? 0))
  assert.ok(starts.length >= 3 && starts.every((at, i) => i === 0 || at > starts[i - 1]), starts.join())
  assert.equal(
    requests.map((r) => r.served),
    starts.map((at) => Math.min(100_000, content.length - at)),
  )
  assert.equal(files, [name])
  whole(join(folder, name))
})

test('one that always breaks off at once: one line, what is there stays, the next command goes on', async () => {
  const stubborn: Answer = (request, response, visit) =>
    visit === 1 ? serve(request, response, { most: 120_000 }) : void response.destroy()
  const broken = await run([`${origin}/${name}`], { next: stubborn })
  assert.is(broken.code, 1)
  assert.match(
    broken.stderr,
    /^radiograd: http:\S+: the connection broke off after \d+ bytes \(.+\); run the command again to go on\n$/,
  )
  const [bytes] = /\d+(?= bytes)/.exec(broken.stderr)!
  assert.ok(Number(bytes) > 50_000)
  assert.equal(broken.files, [`${name}.part`, `${name}.part.json`])
  const again = await run([`${origin}/${name}`], { cache: broken.cache })
  assert.equal([again.code, requests.map((r) => r.range)], [0, [`bytes=${bytes}-`]])
  whole(join(again.folder, name))
  assert.equal(again.files, [name])
})

test('a server without ranges, and one whose file has changed meanwhile: from the start', async () => {
  const noRanges = await run([`${origin}/${name}`], {
    next: (request, response, visit) =>
      serve(request, response, { ranges: false, most: visit === 1 ? 150_000 : Infinity }),
  })
  assert.equal([noRanges.code, requests.map((r) => r.served)], [0, [150_000, content.length]])
  assert.match(requests[1].range, /^bytes=\d+-$/)
  whole(join(noRanges.folder, name))
  const changed = await run([`${origin}/${name}`], {
    next: (request, response, visit) =>
      serve(request, response, { etag: `"v${visit}"`, most: visit === 1 ? 50_000 : Infinity }),
  })
  assert.equal([changed.code, requests.map((r) => r.served)], [0, [50_000, content.length]])
  whole(join(changed.folder, name))
})

test('lies about the length: never a file under its name', async () => {
  const longer = await run([`${origin}/${name}`], {
    next: (request, response) => serve(request, response, { length: content.length + 1000 }),
  })
  assert.is(longer.code, 1)
  assert.match(
    longer.stderr,
    /^radiograd: http:\S+: the connection broke off after \d+ bytes \(.+\); run the command again to go on\n$/,
  )
  assert.not(longer.files.includes(name))
  const shorter = await run([`${origin}/${name}`], {
    next: (_, response) => {
      response.socket!.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'), content]))
    },
  })
  assert.is(shorter.code, 1)
  assert.match(
    shorter.stderr,
    new RegExp(`^radiograd: http:\\S+: its SHA-256 must begin with ${sha256.slice(0, 8)}, got [0-9a-f]{8}\n$`),
  )
  assert.equal(shorter.files, [])
})

test('a wrong hash, an error of the server, bad arguments: one line each, nothing left', async () => {
  const fails = async (args: string[], message: RegExp, next?: Answer, code = 1) => {
    const result = await run(args, { next })
    assert.is(result.code, code)
    assert.match(result.stderr, message)
    assert.is(result.stderr.split('\n').length, 2, result.stderr)
    assert.equal(result.files, [])
  }
  await fails(
    [`${origin}/model-00000000.pth`],
    new RegExp(`: its SHA-256 must begin with 00000000, got ${sha256.slice(0, 8)}\n$`),
  )
  await fails(
    [`${origin}/model.bin`, '--sha256', 'f'.repeat(64)],
    new RegExp(`: its SHA-256 must begin with f{64}, got ${sha256}\n$`),
  )
  await fails(
    [`${origin}/${name}`],
    /: cannot be fetched, the server answered 404\n$/,
    (_, response) => void response.writeHead(404).end('no'),
  )
  assert.is(requests.length, 1)
  await fails(
    [`${origin}/${name}`],
    /: the connection broke off after 0 bytes \(the server answered 503\)/,
    (_, response) => void response.writeHead(503).end(),
  )
  await fails(
    [`${origin}/${name}`],
    /more than 10 redirects\n$/,
    (request, response) => void response.writeHead(302, { location: `${request.url}x` }).end(),
  )
  await fails(
    ['resnet19'],
    /^radiograd: download: must be resnet18, .*, vit-b16 or an http\(s\) address, got resnet19\n$/,
  )
  await fails(
    [`${origin}/x`, '--sha256', 'xyz'],
    /^radiograd: --sha256: must be 8 to 64 hexadecimal digits, got xyz\n$/,
  )
  await fails([], /missing required argument/, undefined, 2)
})

test('Hugging Face tells size and hash where it redirects', async () => {
  const redirect =
    (told: Record<string, string>): Answer =>
    (request, response) => {
      if (request.url === '/model.safetensors') response.writeHead(302, { location: '/cdn/abc', ...told }).end()
      else serve(request, response)
    }
  const right = await run([`${origin}/model.safetensors`], {
    next: redirect({ 'x-linked-size': `${content.length}`, 'x-linked-etag': `"${sha256}"` }),
  })
  assert.is(right.code, 0, right.stderr)
  whole(join(right.folder, 'model.safetensors'))
  const wrong = await run([`${origin}/model.safetensors`], {
    next: redirect({ 'x-linked-etag': `"${'0'.repeat(64)}"` }),
  })
  assert.is(wrong.code, 1)
  assert.match(wrong.stderr, /its SHA-256 must begin with 0{64}/)
})

test('a name: from a mirror into its folder, with the preprocessor beside it; then --weights finds it', async () => {
  const config = JSON.stringify({ image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5], size: 224 })
  const next: Answer = (request, response) =>
    request.url!.endsWith('.json') ? void response.end(config) : serve(request, response)
  const { code, stdout, folder, cache } = await run(['vit-b16'], { next, env: { RADIOGRAD_WEIGHTS_URL: `${origin}/` } })
  assert.is(code, 0)
  assert.equal(
    requests.map((r) => r.url),
    ['model.safetensors', 'preprocessor_config.json'].map((f) => `/google/vit-base-patch16-224/resolve/main/${f}`),
  )
  assert.match(stdout, 'use       --weights vit-b16')
  assert.equal(readdirSync(join(folder, 'vit-b16')).sort(), ['model.safetensors', 'preprocessor_config.json'])
  const data = scratch()
  mkdirSync(join(data, 'train/a'), { recursive: true })
  writeFileSync(join(data, 'train/a/x.png'), '')
  const train = (weights: string) =>
    radiograd(['train', '--data', data, '--weights', weights, '--model', 'vit-b16'], { env: { XDG_CACHE_HOME: cache } })
  assert.match(
    (await train('vit-b16')).stderr,
    `radiograd: ${join(folder, 'vit-b16/model.safetensors')}: not a valid safetensors file`,
  )
  assert.is(
    (await train('resnet18')).stderr,
    "radiograd: --weights: must be a file, or a name fetched before with 'radiograd download resnet18', got resnet18\n",
  )
})

test('Ctrl-C leaves what has arrived', async () => {
  const cache = scratch()
  requests = []
  answer = (_, response) => {
    response.writeHead(200, { 'content-length': content.length, etag: '"v1"' })
    response.write(content.subarray(0, 90_000)) // and then nothing
  }
  const part = join(cache, `radiograd/weights/${name}.part`)
  const { child, done } = started(['download', `${origin}/${name}`], cache)
  while (!existsSync(part) || readFileSync(part).length < 90_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
  child.kill('SIGINT')
  assert.is(await done, 130)
  assert.is(readFileSync(part).length, 90_000)
  const again = await run([`${origin}/${name}`], { cache })
  assert.equal([again.code, requests[0].range], [0, 'bytes=90000-'])
  whole(join(again.folder, name))
})

/** The command in a process that the test can stop. */
function started(args: readonly string[], cache: string) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: 'ignore',
  })
  return { child, done: new Promise<number | null>((resolve) => child.on('close', resolve)) }
}

test.after(() => {
  server.closeAllConnections()
  server.close()
})
test.run()
