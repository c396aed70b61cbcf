// How fast images come: from files, from the cache between runs, and from memory, at 224 px.
//
//   node dist/bench/images.js FOLDER [images] [workers]
//
// FOLDER holds a folder of images a class. Each row is a pass over all of them; files come twice, the second time, which
// counts, from the system's memory. On a busy machine the second column says more: images for a second of processor
// time. The row by sharp comes where it is installed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DataLoader, DecodePool, ImageFolder, defaultWorkers, subset, transforms } from '../src/index.js'
import { sharpVersion } from '../src/data/sharp.node.js'
import { columns, print, short } from './stats.js'

const [folder, most = '200', workers = String(defaultWorkers())] = process.argv.slice(2)
if (!folder) {
  console.error('images: needs a folder with one of images for each class')
  process.exit(2)
}
const transform = transforms.compose([transforms.Resize([224, 224]), transforms.ToTensor()])
const all = new ImageFolder(folder, { transform })
const count = Math.min(Number(most), all.samples.length)
// From each class in turn.
const dataset = subset(
  all,
  Array.from({ length: count }, (_, i) => Math.floor((i * all.samples.length) / count)),
)
const dir = mkdtempSync(join(tmpdir(), 'radiograd-images-'))
const imageCache = { dir, bytes: 2 ** 34 }

/** Seconds on the clock and of all processors. */
async function pass(loader: DataLoader): Promise<readonly [clock: number, processors: number]> {
  const [start, before] = [performance.now(), process.cpuUsage()]
  for await (const batch of loader.epoch(0)) if (!batch.images.length) throw new Error('an empty batch')
  const { user, system } = process.cpuUsage(before)
  return [(performance.now() - start) / 1000, (user + system) / 1e6]
}

/** Images a second in the second of two passes. */
async function rate(options: ConstructorParameters<typeof DecodePool>[1], cacheBytes: number): Promise<string[]> {
  const pool = new DecodePool(Number(workers), options)
  const loader = new DataLoader(dataset, { batchSize: 16, workers: pool, cacheBytes })
  await pass(loader)
  const seconds = await pass(loader)
  await loader.close()
  await pool.close()
  return seconds.map((each) => short(count / each))
}

const installed = await sharpVersion().catch(() => null)
const rows = [[`${count} images, ${workers} workers`, 'images/s', 'images a second of a core']]
rows.push(['files', ...(await rate({}, 0))])
if (installed) rows.push([`files, sharp ${installed}`, ...(await rate({ decoder: 'sharp' }, 0))])
rows.push(['image cache', ...(await rate({ imageCache }, 0))])
rows.push(['memory', ...(await rate({}, 2 ** 32))])
print(columns(rows))
rmSync(dir, { recursive: true })
