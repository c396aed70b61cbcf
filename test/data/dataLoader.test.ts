// DataLoader and its pool: determinism, prefetching and its limit, the cache, workers, errors, stopping early.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAugment } from '../../src/data/augmentText.js'
import { DataLoader, type Batch, type DataLoaderOptions } from '../../src/data/dataLoader.js'
import { DecodePool } from '../../src/data/decodePool.js'
import type { Image } from '../../src/data/image.js'
import { ImageFolder, type Dataset } from '../../src/data/imageFolder.js'
import { syntheticFiles } from '../../src/data/synthetic.js'
import { compose, CutMix, MixUp, Resize, ToTensor, type Pipeline } from '../../src/data/transforms.js'
import { crc32 } from '../../src/util/crc32.js'
import { fixture, folderOf } from './fixtures.js'
import { failure, refused } from '../errors.js'

const test = suite('DataLoader')
const everything = 'flip=0.5,rotate=10,perspective=0.3,clahe=0.5,equalize=0.2,jitter=0.2,blur=1,noise=0.1,erase=0.5'
const train = compose([Resize([12, 10]), ToTensor(), ...parseAugment(everything), MixUp(0.2), CutMix(1)])

const open = (transform: Pipeline = train): Dataset =>
  new ImageFolder(
    folderOf(
      Object.fromEntries(
        Array.from(syntheticFiles({ train: 20, test: 4, size: 16 }), ({ path, bytes }) => [path, bytes]),
      ),
    ),
    { transform, root: 'train' },
  )

async function collect(loader: DataLoader, epoch: number): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of loader.epoch(epoch)) batches.push(batch)
  return batches
}

/** Counts decodes, and answers only when told to. */
class HeldPool extends DecodePool {
  asked: string[] = []
  private waiting: (() => void)[] = []

  constructor(private held = true) {
    super(0)
  }

  override decode(task: { path: string }): Promise<Image> {
    this.asked.push(task.path)
    // Gray ones and coloured ones, in turn.
    const data = this.asked.length % 2 ? Uint8Array.of(7, 7, 7) : Uint8Array.of(1, 2, 3)
    const image = { height: 1, width: 1, data }
    return new Promise((resolve) => (this.held ? this.waiting.push(() => resolve(image)) : resolve(image)))
  }

  release(): void {
    this.held = false
    for (const answer of this.waiting.splice(0)) answer()
  }
}

test('an epoch follows from seed and number, whatever the workers', async () => {
  const data = open()
  const options: DataLoaderOptions = { batchSize: 6, shuffle: true, seed: 5 }
  const inline = new DataLoader(data, { ...options, workers: 0 })
  const second = await collect(inline, 1)
  assert.equal(
    Object.keys(second[0]).sort().join(),
    'effects,geometry,images,indices,jitter,labels,shape,targets,tones',
  )
  for (const workers of [1, 4]) {
    const threads = new DataLoader(data, { ...options, workers, prefetch: 1, cacheBytes: 0 })
    assert.equal(await collect(threads, 1), second)
    await threads.close()
  }
  assert.equal(await collect(inline, 1), second)
  assert.not.equal((await collect(inline, 0))[0].indices, second[0].indices)
  const reseeded = new DataLoader(data, { ...options, workers: 0, seed: 6 })
  assert.not.equal(reseeded.order(1), inline.order(1))
})

test('batches hold every sample once, with its label, pixels and shape', async () => {
  const data = open()
  const loader = new DataLoader(data, { batchSize: 6, shuffle: true, workers: 0 })
  const batches = await collect(loader, 0)
  assert.equal(
    batches.map((b) => b.shape),
    [
      [6, 12, 10, 3],
      [6, 12, 10, 3],
      [6, 12, 10, 3],
      [2, 12, 10, 3],
    ],
  )
  assert.equal(
    batches.flatMap((b) => [...b.indices]).sort((a, b) => a - b),
    data.samples.map((_, i) => i),
  )
  for (const { indices, labels, images } of batches) {
    assert.equal(
      [...labels],
      [...indices].map((i) => data.samples[i].label),
    )
    assert.is(images.length, indices.length * 360)
  }
  const [plain] = await collect(new DataLoader(data, { batchSize: 20, workers: 0 }), 0)
  assert.equal(
    [...plain.indices],
    data.samples.map((_, i) => i),
  )
  const [{ images, indices }] = batches
  assert.equal(images.subarray(360, 720), plain.images.subarray(indices[1] * 360, indices[1] * 360 + 360))
  assert.is((await collect(new DataLoader(data, { batchSize: 6, dropLast: true, workers: 0 }), 0)).length, 3)
})

test('flips are drawn anew each epoch, half of them', async () => {
  const loader = new DataLoader(open(), { batchSize: 20, workers: 0 })
  const mirrored = ({ geometry }: Batch) => Array.from({ length: 20 }, (_, i) => Number(geometry![9 * i] < 0))
  const flips: number[][] = []
  for (let e = 0; e < 50; e++) flips.push(mirrored((await collect(loader, e))[0]))
  const share = flips.flat().reduce((a, b) => a + b) / 1000
  assert.ok(share > 0.45 && share < 0.55, `share ${share}`)
  assert.not.equal(flips[0], flips[1])
  assert.ok(
    flips[0].some((flip, i) => flip !== flips[0][0] && i > 0),
    'one draw per image',
  )
  const never = new DataLoader(open(compose([ToTensor()])), { batchSize: 20, workers: 0 })
  assert.is(mirrored((await collect(never, 0))[0]).some(Boolean), false)
})

test('decodes `prefetch` batches ahead and no further', async () => {
  const pool = new HeldPool()
  const loader = new DataLoader(open(), { batchSize: 2, workers: pool, prefetch: 3 })
  const epoch = loader.epoch(0)
  const first = epoch.next()
  assert.is(pool.asked.length, 8, 'the batch waited for and three more')
  pool.release()
  await first
  await new Promise((resolve) => setTimeout(resolve, 5))
  assert.is(pool.asked.length, 8, 'nothing more until the next batch is asked for')
  await epoch.next()
  assert.is(pool.asked.length, 10)
  await epoch.return()
  assert.is(pool.asked.length, 10)
})

test('from the second epoch on nothing is decoded, within the cache’s limit', async () => {
  const pool = new HeldPool(false)
  const all = new DataLoader(open(), { batchSize: 4, workers: pool })
  const pixels = async (epoch: number) => (await collect(all, epoch)).map(({ images }) => [...images])
  const first = await pixels(0)
  assert.is(all.cached, 20)
  assert.equal(first[0], [7, 7, 7, 1, 2, 3, 7, 7, 7, 1, 2, 3])
  assert.equal(await pixels(1), first)
  assert.is(pool.asked.length, 20)
  // A gray picture of one pixel takes a byte, a coloured one three: five of each, and after them what still fits.
  const some = new DataLoader(open(), { batchSize: 4, workers: pool, cacheBytes: 22 })
  await collect(some, 0)
  assert.is(some.cached, 12)
  pool.asked = []
  await collect(some, 1)
  assert.is(pool.asked.length, 8)
  // Loaders that share a pool share its bytes; one that is closed gives them back.
  pool.cacheRoom = 22
  const [one, other] = [0, 1].map(() => new DataLoader(open(), { batchSize: 4, workers: pool }))
  await collect(one, 0)
  await collect(other, 0)
  assert.equal([one.cached, other.cached], [12, 0])
  await one.close()
  await collect(other, 1)
  assert.is(other.cached, 12)
})

test('pictures are kept in a folder for later runs: checked, by content and transform, within the limit', async () => {
  const data = open()
  const expected = (await collect(new DataLoader(data, { batchSize: 20, workers: 0 }), 0))[0].images
  const dir = join(folderOf({}), 'kept')
  const run = async (bytes = 2 ** 20, set = data, workers = 0) => {
    const pool = new DecodePool(workers, { imageCache: { dir, bytes } })
    const [batch] = await collect(new DataLoader(set, { batchSize: 20, workers: pool }), 0)
    await pool.close()
    return batch.images
  }
  const kept = () =>
    readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .map((name) => join(dir, name))
      .filter((path) => statSync(path).isFile())
      .sort()
  const [first, second] = await Promise.all([run(), run(2 ** 20, data, 2)])
  assert.equal([first, second], [expected, expected])
  assert.is(kept().length, 20)
  assert.ok(kept().every((path) => statSync(path).size === 40 + 120 + 4)) // gray ones: a byte a pixel

  // What lies there is what comes, as long as it is whole and in its place.
  const [a, b, c, d] = kept()
  const whole = readFileSync(a)
  const made = statSync(d).mtimeMs
  writeFileSync(a, whole.subarray(0, 100)) // torn
  writeFileSync(b, readFileSync(b).fill(7, 50, 51)) // changed
  writeFileSync(c, whole) // another's
  assert.equal(await run(), expected)
  assert.equal([readFileSync(a), statSync(d).mtimeMs], [whole, made])
  const changed = readFileSync(a)
  changed.fill(9, 40, 41)
  new DataView(changed.buffer, changed.byteOffset).setUint32(160, crc32(changed.subarray(0, 160)), true)
  writeFileSync(a, changed) // as if that had been decoded
  assert.not.equal(await run(), expected)
  assert.equal(kept().length, 20)

  // Another size, another picture; where there is no room, those go that no run has used for longest. What is not the
  // cache's stays, and does not count.
  const old = new Date(0)
  mkdirSync(join(dir, 'own'))
  const others = ['image.jpeg', 'own/image.jpeg', 'abcd'].map((name) => join(dir, name))
  for (const path of others) writeFileSync(path, new Uint8Array(5000))
  for (const path of [...kept(), ...others]) utimesSync(path, old, old)
  const smaller = { ...data, transform: { ...data.transform, host: [Resize([6, 5])] as const } }
  const limit = 3000
  assert.is((await run(limit, smaller, 1)).length, 20 * 90)
  assert.equal(
    others.map((path) => statSync(path).size),
    [5000, 5000, 5000],
  )
  for (const path of others) rmSync(path)
  const sizes = kept().map((path) => statSync(path).size)
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= limit)
  assert.is(sizes.filter((size) => size === 40 + 30 + 4).length, 20)

  assert.is(
    await failure(() => new DecodePool(0, { imageCache: { dir: `${b}/x`, bytes: 1 } })),
    `imageCache: must be a folder that can be written, got ENOTDIR for ${b}/x`,
  )
})

test('a bad file ends the epoch with its name; a later epoch still runs', async () => {
  const data = open()
  const broken = folderOf({ 'bad.jpeg': 'hello' })
  const samples = [...data.samples, { path: `${broken}/bad.jpeg`, file: `${broken}/bad.jpeg`, label: 0 }]
  for (const workers of [0, 1]) {
    const loader = new DataLoader({ ...data, samples }, { batchSize: 4, workers })
    let seen = 0
    const message = await failure(async () => {
      for await (const _ of loader) seen++
    })
    assert.is(message, `${broken}/bad.jpeg: must be a JPEG or PNG image, got a file that begins with 68 65 6c 6c`)
    assert.is(seen, 5, 'the batches before it arrived')
    assert.is(await failure(() => collect(loader, 1)), message)
    await loader.close()
  }
  const absent = { ...data, samples: [{ path: 'gone.png', file: 'gone.png', label: 0 }] }
  assert.is(
    await failure(() => collect(new DataLoader(absent, { workers: 0 }), 0)),
    'gone.png: must be a file that can be read, got ENOENT',
  )
})

test('pictures of two sizes are refused with the file and the remedy', async () => {
  const dir = folderOf({ 'a/1.png': fixture('rgb8.png'), 'b/2.png': fixture('scene_61x47.png') })
  const data = new ImageFolder(dir, { transform: compose([ToTensor()]) })
  assert.is(
    await failure(() => collect(new DataLoader(data, { batchSize: 2, workers: 0 }), 0)),
    `${dir}/b/2.png: must have the size of ${dir}/a/1.png after the transforms (add Resize([height, width]) or CenterCrop), got 47 × 61 and 9 × 11`,
  )
})

test('stopping early drops what was queued; a closed loader fails by name', async () => {
  const loader = new DataLoader(open(), { batchSize: 1, workers: 1, prefetch: 19 })
  for await (const batch of loader) {
    assert.is(batch.indices[0], 0)
    break
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.ok(loader.cached < 20, `${loader.cached} decoded`)
  assert.is((await collect(loader, 1)).length, 20)
  const running = new DataLoader(open(), { batchSize: 1, workers: 1 })
  const message = failure(() => running.epoch(0).next())
  await running.close()
  assert.match(await message, 'train-0001.png: must be decodable, got a closed pool')
  assert.match(await failure(() => collect(running, 1)), 'got a closed pool')
  await loader.close()
})

test('options out of range are refused', async () => {
  const data = open()
  assert.is(
    await failure(() => new DataLoader(data, { batchSize: 0 })),
    'DataLoader: batchSize must be a whole number of at least 1, got 0',
  )
  assert.is(
    await failure(() => new DataLoader(data, { prefetch: 1.5 })),
    'DataLoader: prefetch must be a whole number of at least 0, got 1.5',
  )
  assert.is(
    await failure(() => new DataLoader(data, { workers: -1 })),
    'workers: must be a whole number, 0 or more, got -1',
  )
  assert.match(
    await failure(() => new DataLoader(data, { batchSize: 50, dropLast: true })),
    'DataLoader: must yield a batch',
  )
  assert.match(await failure(() => new DataLoader({ ...data, samples: [] })), 'must hold samples, got none')
  refused(
    () => new DataLoader({ ...data, transform: Resize(8) as unknown as Pipeline }),
    'DataLoader: transform must be made by transforms.compose([…]), got a single step',
  )
})

test('a process that leaves an epoch without closing ends by itself', () => {
  const dir = (open() as ImageFolder).samples[0].path.replace(/[^/]*\/[^/]*$/, '')
  const module = new URL('../../src/data/index.js', import.meta.url)
  const script = `
    import { DataLoader, ImageFolder, transforms } from '${module}'
    const data = new ImageFolder('${dir}', { transform: transforms.compose([transforms.ToTensor()]) })
    for await (const batch of new DataLoader(data, { batchSize: 2, workers: 2 })) { console.log(batch.shape.join()); break }`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20000,
    encoding: 'utf8',
  })
  assert.equal([status, stdout, stderr], [0, '2,16,16,3\n', ''])
})

test.run()
