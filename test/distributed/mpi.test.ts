// Processes started by mpirun, of every MPI library that is installed: what a group's calls give, training on two
// processes beside one, and what is said where it cannot go.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DataLoader, ImageFolder, loadCheckpoint, transforms } from '../../src/index.js'
import { sampler } from '../../src/mpi.js'
import { scratch } from '../cli/command.js'
import { refused } from '../errors.js'
import { writeRadiographs } from '../data/radiographs.js'

const test = suite('mpi')
const root = fileURLToPath(new URL('../../../', import.meta.url))
const program = join(root, 'dist/src/cli/main.js')
/** Open MPI refuses root and more processes than cores, unless told otherwise. */
const AS_MANY = {
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
}
const launchers = ['mpirun.mpich', 'mpirun.openmpi'].filter((name) => spawnSync(name, ['--version']).status === 0)
if (launchers.length === 0) console.log('skip: neither mpirun.mpich nor mpirun.openmpi is installed')

function start(launcher: string, args: string[]) {
  const env = { ...process.env, ...AS_MANY, RADIOGRAD_ADAPTER: process.env.RADIOGRAD_ADAPTER ?? 'lavapipe' }
  return spawnSync(launcher, args, { encoding: 'utf8', env, timeout: 300_000 })
}

const dir = scratch()
const data = join(dir, 'data')
writeRadiographs(data, { train: 24, test: 9, size: 32, seed: 1 })
const settings = [
  '--model',
  'vit-ti16',
  '--image-size',
  '32',
  '--batch-size',
  '8',
  '--epochs',
  '1',
  '--lr',
  '1e-4',
  '--drop-last',
  '--clip-grad',
  '0.5',
  '--ema',
  '0.5',
]
const train = (folder: string, out: string) => [
  program,
  'train',
  '--data',
  folder,
  '--out',
  join(dir, out),
  ...settings,
]
const losses = (out: string) =>
  readFileSync(join(dir, out, 'history.csv'), 'utf8')
    .split('\n')
    .slice(1, 2)
    .flatMap((line) => [line.split(',')[1], line.split(',')[3]].map(Number))

test('the variables of mpirun, srun and torchrun say which part of a batch a process reads', async () => {
  assert.equal(sampler({}), { rank: 0, size: 1 })
  assert.equal(sampler({ RANK: '1', WORLD_SIZE: '4' }), { rank: 1, size: 4 })
  assert.equal(sampler({ PMI_RANK: '2', PMI_SIZE: '3', RANK: '0', WORLD_SIZE: '1' }), { rank: 2, size: 3 })
  assert.equal(sampler({ SLURM_NTASKS: '8', PMIX_RANK: '7' }), { rank: 7, size: 8 })
  for (const [RANK, WORLD_SIZE] of ['2 2', '-1 2', 'a 2', '0 x', ' 2'].map((text) => text.split(' ')))
    refused(
      () => sampler({ RANK, WORLD_SIZE }),
      `environment: RANK must be one of WORLD_SIZE processes, from 0, got '${RANK}' of '${WORLD_SIZE}'`,
    )

  const read = async (env: Record<string, string | undefined>) => {
    const batches: Int32Array[] = []
    const set = new ImageFolder(join(data, 'train'), { transform: transforms.compose([transforms.ToTensor()]) })
    for await (const { indices } of new DataLoader(set, {
      batchSize: 8,
      shuffle: true,
      workers: 0,
      group: sampler(env),
    }))
      batches.push(indices)
    return batches
  }
  const [all, ...parts] = [{}, { RANK: '0', WORLD_SIZE: '2' }, { RANK: '1', WORLD_SIZE: '2' }].map(read)
  const [first, second] = await Promise.all(parts)
  ;(await all).forEach((batch, i) => assert.equal([...batch], [...first[i], ...second[i]]))
})

test('torchrun carries no gradients: what it starts is refused', () => {
  const env = { ...process.env, RANK: '1', WORLD_SIZE: '2' }
  const { status, stderr } = spawnSync(process.execPath, train(data, 'x'), { encoding: 'utf8', env })
  assert.is(status, 1)
  assert.match(stderr, /^radiograd: processes: must be started by mpirun or srun, got WORLD_SIZE=2 without them$/m)
  assert.not.ok(readdirSync(dir).includes('x'))
})

for (const launcher of launchers) {
  test(`${launcher}: sums, gathers, broadcasts, and BatchNorm over all processes`, () => {
    const { status, stdout, stderr } = start(launcher, [
      ...['-n', '3', process.execPath],
      join(root, 'dist/test/distributed/collectives.js'),
    ])
    assert.is(status, 0, stderr)
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(results.map(({ rank }) => rank).sort(), [0, 1, 2])
    for (const { rank, library, off, ...same } of results) {
      assert.ok(off < 1e-5, `synchronised BatchNorm is off by ${off}`)
      assert.match(library, launcher.endsWith('mpich') ? /^MPICH \d/ : /^Open MPI \d/)
      assert.equal(same, {
        size: 3,
        values: [6, 60, 600, 6000, 60_000, 600_000, 6_000_000],
        few: [3],
        gathered: ['', 'x', 'xx'].map((name, i) => ({ rank: i, name })),
        sent: [1, 2, 3],
        kept: rank === 0 ? 1 : 0,
        read: [0, 9],
        list: ['a'],
        absent: null,
      })
    }
  })
}

/** The line that a run which cannot be ends with; before they have joined several processes may say the same. */
function failing(launcher: string, ...args: string[]): string {
  const { status, stderr } = start(launcher, args)
  assert.is.not(status, 0)
  const lines = [...new Set(stderr.split('\n').filter((line) => line.startsWith('radiograd: ')))]
  assert.is(lines.length, 1, stderr)
  return lines[0]
}

const [launcher] = launchers
if (launcher) {
  test('two processes with half of every batch train as one does with all, and twice to the same bytes', async () => {
    const run = (out: string, ...before: string[]) => {
      const [command, ...args] = [...before, process.execPath, ...train(data, out)]
      const { status, stdout, stderr } = start(command, args)
      assert.is(status, 0, stderr)
      return stdout
    }
    run('one')
    const said = run('two', launcher, '-n', '2')
    run('again', launcher, '-n', '2')
    assert.match(said, /exchange {2}2 processes, 22\.\d MB of gradients a step, \d+ % of the training time\n/)
    const bytes = (out: string) => readFileSync(join(dir, out, 'best.safetensors'))
    assert.ok(bytes('two').equals(bytes('again')))
    losses('one').forEach((loss, i) => assert.ok(Math.abs(losses('two')[i] / loss - 1) < 1e-5))
    const [a, b] = [await loadCheckpoint(bytes('one')), await loadCheckpoint(bytes('two'))]
    for (const [name, { data: values }] of a.tensors) {
      const other = b.tensors.get(name)!.data
      ;(values as Float32Array).forEach((x, i) => assert.ok(Math.abs(x - Number(other[i])) < 1e-4, name))
    }
    const { exchange, versions } = JSON.parse(readFileSync(join(dir, 'two/run.json'), 'utf8'))
    assert.is(exchange.processes, 2)
    assert.match(versions.mpi, /^(MPICH|Open MPI) /)
  })

  test('what cannot be: one line, and all end', () => {
    const node = process.execPath
    assert.is(
      failing(launcher, '-n', '3', node, ...train(data, 'x')),
      'radiograd: --batch-size: must be a multiple of the 3 processes, got 8',
    )
    const other = join(dir, 'other')
    cpSync(data, other, { recursive: true })
    rmSync(join(other, 'train/NORMAL', readdirSync(join(other, 'train/NORMAL'))[0]))
    assert.match(
      failing(launcher, '-n', '1', node, ...train(data, 'x'), ':', '-n', '1', node, ...train(other, 'x')),
      /^radiograd: group: all processes must have the same images, got others in process 1 than in process 0$/,
    )
    assert.not.ok(readdirSync(dir).includes('x'))
    assert.match(
      failing(
        launcher,
        '-n',
        '1',
        node,
        ...train(data, 'x'),
        ':',
        '-n',
        '1',
        'env',
        'RADIOGRAD_ADAPTER=none',
        node,
        ...train(data, 'x'),
      ),
      /^radiograd: process 1 of 2: .*RADIOGRAD_ADAPTER/,
    )
    assert.not.ok(readdirSync(dir).includes('x'))
    assert.match(
      failing(launcher, '-n', '2', 'env', 'RADIOGRAD_MPI=/none.so', node, ...train(data, 'x')),
      /^radiograd: mpi: needs the library of .*, which started this process \(RADIOGRAD_MPI names its file\), got \/none\.so/,
    )
  })
}

if (launchers.length === 2) {
  test("the other MPI's library: one line, and all end", () => {
    const others = { 'mpirun.mpich': 'libmpi.so.40', 'mpirun.openmpi': 'libmpich.so.12' }
    for (const [launcher, library] of Object.entries(others)) {
      const said = failing(
        launcher,
        '-n',
        '2',
        'env',
        `RADIOGRAD_MPI=${library}`,
        process.execPath,
        ...train(data, 'x'),
      )
      assert.match(said, /^radiograd: mpi: needs the library of (MPICH|Open MPI), which started .*, got another$/)
    }
  })
}

// Minutes of work, of which the default suite has a part above.
if (process.env.RADIOGRAD_MPI_ALL) {
  const weightsOf = async (out: string) => (await loadCheckpoint(`${join(dir, out)}.safetensors`)).tensors
  const stepsOf = (before: readonly string[], out: string, ...args: string[]) => {
    const program = join(root, 'dist/test/distributed/steps.js')
    const [command, ...rest] = [...before, process.execPath, program, ...args, data, join(dir, out)]
    const { status, stderr } = start(command, rest)
    assert.is(status, 0, stderr)
    return JSON.parse(readFileSync(`${join(dir, out)}.json`, 'utf8')) as number[]
  }
  for (const [model, mode, steps, most] of [
    ['vit-ti16', 'plain', '20', 1e-5],
    ['vit-ti16', 'clip', '5', 1e-5],
    ['resnet18', 'frozen', '20', 1e-5],
    ['resnet18', 'sync', '3', 1e-4],
  ] as const)
    test(`${model}, ${mode}, ${steps} steps: 1, 2 and 4 processes of both libraries`, async () => {
      const alone = stepsOf([], 'alone', model, mode, steps)
      const expected = await weightsOf('alone')
      for (const launcher of launchers)
        for (const n of ['1', '2', '4']) {
          const losses = stepsOf([launcher, '-n', n], 'together', model, mode, steps)
          if (mode === 'clip') {
            stepsOf([launcher, '-n', n], 'again', model, mode, steps)
            const [once, twice] = ['together', 'again'].map((out) => readFileSync(join(dir, `${out}.safetensors`)))
            assert.ok(once.equals(twice), `${launcher} ${n}: other bytes in a second run`)
          }
          losses.forEach((loss, i) => assert.ok(Math.abs(loss / alone[i] - 1) < most, `${launcher} ${n} ${i} ${loss}`))
          let [squares, all] = [0, 0]
          for (const [name, { data: values }] of await weightsOf('together'))
            (values as Float32Array).forEach((value, i) => {
              const x = Number(expected.get(name)!.data[i])
              squares += (Number(value) - x) ** 2
              all += x ** 2
            })
          assert.ok(Math.sqrt(squares / all) < most, `${launcher} ${n} weights off by ${Math.sqrt(squares / all)}`)
        }
    })

  for (const launcher of launchers)
    test(`${launcher}: a process that is killed ends all within seconds, and the run goes on`, async () => {
      const pids = join(dir, 'pids')
      const run = ['-c', `echo $$ > ${pids}; exec "$0" "$@"`, process.execPath, ...train(data, 'killed')]
      const env = { ...process.env, ...AS_MANY, RADIOGRAD_ADAPTER: process.env.RADIOGRAD_ADAPTER ?? 'lavapipe' }
      const longer = ['--epochs', '50', '--save-every', '0']
      const args = ['-n', '1', process.execPath, ...train(data, 'killed'), ...longer]
      const child = spawn(launcher, [...args, ':', '-n', '1', 'bash', ...run, ...longer], { env })
      let [said, killed, ended] = ['', 0, 0]
      child.stdout.on('data', (text) => {
        said += text
        if (killed || !/epoch 1\/50/.test(said)) return
        killed = performance.now()
        process.kill(Number(readFileSync(pids, 'utf8')), 'SIGKILL')
      })
      let words = ''
      child.stderr.on('data', (text) => (words += text))
      const code = await new Promise((resolve) => child.on('close', resolve))
      ended = performance.now()
      assert.is.not(code, 0)
      assert.match(words + said, /signal:? 9|Killed/)
      console.log(`${launcher}: ended ${((ended - killed) / 1000).toFixed(1)} s after the kill`)
      const { stderr } = start(process.execPath, [program, 'train', '--resume', join(dir, 'killed'), '--seed', '1'])
      assert.match(stderr, /--seed: must stay as the run began, 0, got 1/) // the state was read, and is whole
      rmSync(join(dir, 'killed'), { recursive: true })
    })
}

test.run()
