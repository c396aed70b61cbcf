// Sharded checkpoints and preprocessor files, as Hugging Face lays them out in a folder.
import * as assert from 'uvu/assert'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import { loadCheckpoint } from '../../src/weights/load.js'
import { parsePreprocessing } from '../../src/weights/preprocessing.js'
import { safetensorsBytes } from '../../src/weights/safetensors.js'
import { parseIndex } from '../../src/weights/sharded.js'
import { scratch } from '../cli/command.js'
import { refused } from '../errors.js'

const test = suite('sharded checkpoints')
const tensor = (...values: number[]) => ({
  dtype: 'f32' as const,
  shape: [values.length],
  data: Float32Array.from(values),
})
const shards = {
  'model-00001-of-00002.safetensors': { a: tensor(1, 2), b: tensor(3) },
  'model-00002-of-00002.safetensors': { c: tensor(4, 5, 6), unnamed: tensor(7) },
}
const weight_map = {
  a: 'model-00001-of-00002.safetensors',
  b: 'model-00001-of-00002.safetensors',
  c: 'model-00002-of-00002.safetensors',
}
const config = { image_mean: [0.1, 0.2, 0.3], image_std: [0.5, 0.6, 0.7], size: { height: 384, width: 384 } }

/** A folder as `git clone` of a model gives it. */
function folder(index: unknown = { metadata: { total_size: 24 }, weight_map }): string {
  const dir = join(scratch(), 'model')
  mkdirSync(dir)
  for (const [file, tensors] of Object.entries(shards))
    writeFileSync(join(dir, file), safetensorsBytes(new Map(Object.entries(tensors))))
  writeFileSync(join(dir, 'model.safetensors.index.json'), typeof index === 'string' ? index : JSON.stringify(index))
  return dir
}

async function fails(source: string, message: string) {
  const error = await loadCheckpoint(source).then(
    () => null,
    (e: Error) => e,
  )
  assert.is(error?.message, message)
}

test('a folder, its index, and both as addresses', async () => {
  const dir = folder()
  const index = join(dir, 'model.safetensors.index.json')
  for (const source of [dir, `${dir}/`, index, pathToFileURL(index)]) {
    const { tensors, source: name, preprocessing } = await loadCheckpoint(source)
    assert.equal([...tensors.keys()].sort(), ['a', 'b', 'c'])
    assert.equal(tensors.get('c')!.data, Float32Array.of(4, 5, 6))
    assert.is(name, index)
    assert.is(preprocessing, undefined)
  }
  const files = new Map([['/m/model.safetensors.index.json', JSON.stringify({ weight_map: { c: weight_map.c } })]])
  const shard = safetensorsBytes(new Map(Object.entries(shards['model-00002-of-00002.safetensors'])))
  const server = createServer(
    ({ url }, response) =>
      void (url!.endsWith('of-00002.safetensors')
        ? response.end(shard)
        : files.has(url!)
          ? response.end(files.get(url!))
          : response.writeHead(404).end()),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { tensors } = await loadCheckpoint(
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/m/model.safetensors.index.json`,
  )
  assert.equal([...tensors.keys()], ['c'])
  server.close()
})

test('a folder with one whole file, and the preprocessor beside it', async () => {
  const dir = scratch()
  writeFileSync(join(dir, 'model.safetensors'), safetensorsBytes(new Map([['a', tensor(1)]])))
  writeFileSync(join(dir, 'preprocessor_config.json'), JSON.stringify(config))
  for (const source of [dir, join(dir, 'model.safetensors')]) {
    const { tensors, preprocessing } = await loadCheckpoint(source)
    assert.equal([...tensors.keys()], ['a'])
    assert.equal(preprocessing, { mean: [0.1, 0.2, 0.3], std: [0.5, 0.6, 0.7], imageSize: 384 })
  }
  writeFileSync(join(dir, 'preprocessor_config.json'), '{')
  await fails(dir, `${dir}/preprocessor_config.json: must be JSON, got "{"`)
})

test('what a folder lacks', async () => {
  const dir = folder()
  const index = join(dir, 'model.safetensors.index.json')
  rmSync(join(dir, 'model-00001-of-00002.safetensors'))
  await fails(
    dir,
    `${index}: its shard model-00001-of-00002.safetensors must be beside it for a and 1 more, got no such file`,
  )
  const liar = folder({ weight_map: { ...weight_map, d: weight_map.c } })
  await fails(
    liar,
    `${join(liar, weight_map.c)}: must hold d, as ${join(liar, 'model.safetensors.index.json')} says, got a shard without it`,
  )
  await fails(join(dir, 'nothing'), `${join(dir, 'nothing')}: cannot be read, no such file or folder`)
})

test('indices that are none', () => {
  const bad = (text: string, message: string) => refused(() => parseIndex(text, 'i'), message)
  bad('nonsense', 'i: must be JSON, got "nonsense"')
  bad('{}', 'i: must have a weight_map of tensor names to files, got undefined')
  bad('{"weight_map":{}}', 'i: must have a weight_map of tensor names to files, got {}')
  for (const shard of ['../x', 'a/b', 'C:\\x', '.hidden', 5]) {
    bad(
      JSON.stringify({ weight_map: { a: shard } }),
      `i: a shard must be the name of a file beside it, got ${JSON.stringify(shard)}`,
    )
  }
})

test('preprocessor files: sizes in three spellings, and wrong ones', () => {
  const size = (s: unknown) => parsePreprocessing(JSON.stringify({ ...config, size: s }), 'p').imageSize
  assert.equal([size(224), size({ height: 32, width: 32 }), size({ shortest_edge: 256 })], [224, 32, 256])
  const bad = (change: object, message: string) =>
    refused(() => parsePreprocessing(JSON.stringify({ ...config, ...change }), 'p'), message)
  bad({ size: { height: 32, width: 31 } }, 'p: size must be that of a square, got {"height":32,"width":31}')
  bad({ size: undefined }, 'p: size must be that of a square, got undefined')
  bad({ image_mean: [1, 2] }, 'p: image_mean must be three numbers, got [1,2]')
  bad({ image_std: [1, 0, 1] }, 'p: image_std must be three numbers, got [1,0,1]')
})

test.run()
