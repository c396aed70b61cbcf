// A site's part of a federation: the same bytes every time, what leaves and what stays, and a script that averages two
// sites beside the same in one process.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Checkpoint, defaultsOf, init, loadCheckpoint, models, safetensorsBytes } from '../../src/index.js'
import { ROUND_SETTINGS, type RoundOptions, type RoundSettings, roundRun } from '../../src/round.js'
import { main, radiograd, scratch } from '../cli/command.js'
import { writeRadiographs } from '../data/radiographs.js'
import { failure } from '../errors.js'

const test = suite('rounds')
const dir = scratch()
/** Where the stand-ins are; they are not transpiled. */
const stub = fileURLToPath(new URL('../../../test/distributed/stub', import.meta.url))
const [a, b] = ['a', 'b'].map((name) => join(dir, name))
writeRadiographs(a, { train: 12, test: 6, size: 32, seed: 1 })
writeRadiographs(b, { train: 8, test: 6, size: 32, seed: 2 })

/** What a model begins with, as a file. */
async function begin(make: () => models.ResNet | models.VisionTransformer, file: string): Promise<string> {
  const engine = await init({ seed: 3 })
  writeFileSync(join(dir, file), safetensorsBytes(await make().stateDict()))
  engine.dispose()
  return join(dir, file)
}

const small = { imageSize: 32, batchSize: 4, lr: 1e-3, workers: 0 } as const
async function round(
  data: string,
  weights: RoundOptions['weights'],
  given: Partial<RoundSettings & RoundOptions> = {},
) {
  const { batchNorm, ...settings } = given
  const all = { ...defaultsOf(ROUND_SETTINGS), ...small, ...settings } as RoundSettings
  const { data: _, weights: __, out: ___, keepBatchNormLocal: ____, ...rest } = all
  return (await roundRun(rest, { data, weights, batchNorm }))!
}
/** How far two models' parameters are from each other. */
const distance = (x: Checkpoint, y: Checkpoint) =>
  Math.sqrt(
    [...x.tensors].reduce((sum, [name, { data }]) => {
      const other = y.tensors.get(name)!.data
      if (!(data instanceof Float32Array) || name.includes('running')) return sum
      return data.reduce((s, v, i) => s + (v - Number(other[i])) ** 2, sum)
    }, 0),
  )

test('the same bytes every time; the outcome is measured; FedProx stays nearer; FedBN keeps BatchNorm at the site', async () => {
  const fresh = await begin(() => models.resnet18({ numClasses: 2 }), 'resnet18.safetensors')
  const first = await round(a, fresh, { model: 'resnet18', epochs: 0, evaluate: true })
  assert.is(first.result.numExamples, 6)
  assert.is(first.result.loss, first.result.metrics!.loss)
  const start = await loadCheckpoint(first.weights)
  assert.is(distance(start, await loadCheckpoint(fresh)), 0)
  assert.equal([start.metadata.model, start.metadata.classes], ['resnet18', '["NORMAL","PNEUMONIA"]'])

  const once = await round(a, first.weights, { evaluate: true })
  assert.is(once.result.numExamples, 12)
  assert.is(once.result.metrics!.n, 6)
  const trained = await loadCheckpoint(once.weights)
  const near = await round(a, first.weights, { prox: 100 })
  assert.is(near.result.metrics, null)
  const [pulled, free] = [await loadCheckpoint(near.weights), trained].map((after) => distance(start, after))
  assert.ok(pulled < 0.9 * free, `${pulled} ${free}`)

  const local = await round(a, first.weights, { batchNorm: null })
  assert.is(local.result.loss, once.result.loss)
  const [left, stayed] = [await loadCheckpoint(local.weights), await loadCheckpoint(local.batchNorm!)]
  assert.is(stayed.tensors.size, 100)
  assert.ok([...stayed.tensors.keys()].every((name) => /bn\d|downsample\.1/.test(name)))
  assert.is(left.tensors.size + stayed.tensors.size, trained.tensors.size)
  for (const [name, { data }] of [...left.tensors, ...stayed.tensors])
    assert.equal(data, trained.tensors.get(name)!.data, name)
  const next = await round(a, local.weights, { batchNorm: local.batchNorm!, epochs: 0 })
  assert.equal([next.weights, next.batchNorm], [local.weights, local.batchNorm])
  assert.match(
    await failure(() => round(a, local.weights)),
    /^checkpoint: must have all weights of the model, got no bn1\.weight that fits$/,
  )
})

test('two sites averaged by a script are one process that averages, bit for bit', async () => {
  const fresh = await begin(() => models.vitTiny({ numClasses: 2, imageSize: 32 }), 'vit.safetensors')
  const { weights } = await round(a, fresh, { model: 'vit-ti16', epochs: 0 })
  writeFileSync(join(dir, 'first.safetensors'), weights)
  const script = fileURLToPath(new URL('../../examples/fedavg.js', import.meta.url))
  const flags = ['--', '--batch-size', '4', '--lr', '1e-3', '--workers', '0']
  execFileSync(process.execPath, [script, '2', 'first.safetensors', 'out.safetensors', a, b, ...flags], {
    cwd: dir,
    stdio: 'pipe',
  })

  let now = weights
  let alone: Uint8Array | undefined
  for (const seed of [1, 2]) {
    const sites = [await round(a, now, { seed }), await round(b, now, { seed })]
    alone ??= sites[0].weights.slice() // what is read lies in the same bytes, and is written over
    const [x, y] = await Promise.all(sites.map((site) => loadCheckpoint(site.weights)))
    for (const [name, { data }] of x.tensors)
      (data as Float32Array).forEach((v, i) => {
        data[i] = (12 / 20) * v + (8 / 20) * Number(y.tensors.get(name)!.data[i])
      })
    now = safetensorsBytes(x.tensors, { metadata: x.metadata })
  }
  assert.ok(Buffer.from(now).equals(readFileSync(join(dir, 'out.safetensors'))))
  await throughFlower(alone!)
})

/** The Flower app, with a stand-in for Flower: a round of one site gives what the same round gives without it. */
async function throughFlower(expected: Uint8Array) {
  const app = join(dir, 'app')
  assert.is((await radiograd(['flower-app', app])).code, 0)
  assert.match((await radiograd(['flower-app', app])).stderr, /client_app\.py: must not be there yet, got a file/)
  const files = readdirSync(app).sort()
  assert.equal(files, ['client_app.py', 'pyproject.toml', 'server_app.py'])
  for (const file of files) assert.ok(readFileSync(join(app, file), 'utf8').split('\n').length <= 80, file)
  const python = ['python3', '/usr/bin/python3'].find(
    (name) => spawnSync(name, ['-c', 'import numpy, tomllib']).status === 0,
  )
  if (!python) {
    console.log('skip: the Flower app needs python3.11 with numpy to be tried')
    return
  }
  const run = (...args: string[]) =>
    execFileSync(python, args, {
      cwd: app,
      encoding: 'utf8',
      env: { ...process.env, PYTHONPATH: stub, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  run('-m', 'py_compile', 'client_app.py', 'server_app.py')
  writeFileSync(join(app, 'first.safetensors'), readFileSync(join(dir, 'first.safetensors')))
  const said = run(join(stub, 'federation.py'), `${process.execPath} ${main}`, a)
  assert.match(said, /^train 1 \[\{'num-examples': 12, 'loss': [\d.]+\}\]\nevaluate 1 \[\{'num-examples': 6, 'loss'/)
  const [got, wanted] = [await loadCheckpoint(join(app, 'final.safetensors')), await loadCheckpoint(expected)]
  assert.equal(got.metadata, wanted.metadata)
  assert.is(distance(got, wanted), 0)
}

test('the command: JSON on stdout, a whole file or none, one line for what cannot be', async () => {
  const [fresh, out] = [join(dir, 'vit.safetensors'), join(dir, 'new.safetensors')]
  const common = ['round', '--data', a, '--weights', fresh, '--workers', '0', '--image-size', '32']
  const said = async (expected: number, ...flags: string[]) => {
    const { code, stdout, stderr } = await radiograd([...common, ...flags])
    assert.is(code, expected, stderr)
    assert.is(stdout, '')
    assert.not.ok(existsSync(out))
    return stderr.trim()
  }
  assert.is(await said(2, '--json'), 'radiograd: --out: must be given where nothing is evaluated, got nothing')
  assert.match(
    await said(2, '--out', out, '--json'),
    /^radiograd: --model: must be given for .*vit\.safetensors, which does/,
  )
  const { weights } = await round(a, fresh, { model: 'vit-ti16', epochs: 0 })
  writeFileSync(fresh, weights)
  const other = join(dir, 'other')
  writeRadiographs(other, { train: 4, test: 4, size: 32, seed: 3 })
  execFileSync('mv', [join(other, 'train/NORMAL'), join(other, 'train/normal')])
  assert.match(
    await said(1, '--out', out, '--data', other, '--json'),
    /train: classes must be those of .* \[NORMAL, PNEUMONIA\], got \[PNEUMONIA, normal\]$/,
  )
  const { code, stdout, stderr } = await radiograd([...common, '--out', out, '--evaluate', '--lr', '1e-3', '--json'])
  assert.is(code, 0, stderr)
  const { numExamples, metrics, seconds } = JSON.parse(stdout)
  assert.equal([numExamples, metrics.n, seconds > 0], [12, 6, true])
  assert.is((await loadCheckpoint(out)).metadata.model, 'vit-ti16')
  assert.equal(
    readdirSync(dir).filter((name) => name.endsWith('.tmp')),
    [],
  )
})

test.run()
