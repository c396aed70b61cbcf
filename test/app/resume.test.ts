// Runs that are stopped, that fail at a write, or whose files are damaged: what is kept, and that they go on to the same
// bytes. RADIOGRAD_FAULTS=all tries a failure at every write.
import * as assert from 'uvu/assert'
import { spawn } from 'node:child_process'
import fs, { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { suite } from 'uvu'
import { digest, pack, unpack } from '../../src/app/pack.js'
import { settingsToGoOn } from '../../src/app/resume.js'
import {
  MemoryStore,
  RadiogradError,
  type RunEvent,
  type Store,
  TRAIN_SETTINGS,
  type TrainSettings,
  openFolder,
  parseSettings,
  resumeRun,
  trainRun,
} from '../../src/index.js'
import { joined } from '../../src/util/bytes.js'
import { LateArray } from '../../src/util/late.js'
import { scratch } from '../cli/command.js'
import { failure } from '../errors.js'
import { generated as data } from '../data/generated.js'

const test = suite('resume')
const settings = parseSettings(TRAIN_SETTINGS, {
  data: 'generated',
  model: 'vit-ti16',
  imageSize: 32,
  batchSize: 8,
  epochs: 2,
  lr: 1e-3,
  schedule: 'cosine',
  warmup: 0.5,
  optimizer: 'adamw',
  normDecay: false,
  layerDecay: 0.75,
  clipGrad: 1,
  ema: 0.5,
  balance: 'oversample',
  mixup: 0.2,
  cutmix: 1,
  valSplit: 0.3,
  trainable: ['head'],
  workers: 0,
  saveEvery: 0,
})
const RESULTS = ['MODEL_CARD.md', 'best.safetensors', 'history.csv', 'metrics.json', 'predictions.csv', 'run.json']

const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined)
/** What must be the same: bytes, and tables without times. */
async function results(store: Store): Promise<unknown[]> {
  const best = await store.read('best.safetensors')
  const history = text(await store.read('history.csv')).replace(/^((?:[^,]*,){6})[^,]*,[^,]*/gm, '$1')
  return [best && Buffer.from(best).toString('base64'), text(await store.read('metrics.json')), history]
}

const reference = new MemoryStore()
let writes = 0
test.before(async () => {
  const counted: Store = {
    name: 'counted',
    read: (name) => reference.read(name),
    list: () => reference.list(),
    remove: (name) => reference.remove(name),
    write: (name, bytes) => {
      writes++
      return reference.write(name, bytes)
    },
  }
  await trainRun(settings, { store: counted, data })
  assert.equal(await reference.list(), RESULTS)
})

test('packed data comes back to the bit, and damage to any byte is seen', async () => {
  const value = {
    numbers: [0.1, NaN, -Infinity, 5e-324, null],
    map: new Map<string, object>([['a.b', { dtype: 'f32', data: Float32Array.of(1, NaN) }]]),
    deep: { counts: BigInt64Array.of(-1n, 2n ** 62n), empty: new Float32Array(0), yes: true, text: 'ü' },
  }
  const parts: Uint8Array[] = []
  for await (const part of await pack(value)) parts.push(part)
  assert.ok(parts.some(({ buffer }) => buffer === value.deep.counts.buffer)) // large arrays need no second place
  const bytes = joined(parts)
  assert.ok(isDeepStrictEqual(await unpack(bytes, 'x'), value))
  for (let at = 0; at < bytes.length; at += 7) {
    const other = bytes.slice()
    other[at] ^= 1
    assert.match(await failure(() => unpack(other, 'x')), /^x: is not whole, its checksum differs$/)
  }
  assert.match(await failure(() => unpack(bytes.slice(0, -1), 'x')), /^x: is not whole/)
  assert.match(await failure(() => unpack(new Uint8Array(0), 'x')), /^x: is not whole/)
  const long = Uint8Array.from({ length: 17 << 20 }, (_, i) => i >> 16)
  const cut = [0, 5, 9 << 20, 9 << 20, 17 << 20].map((from, i, all) => long.subarray(from, all[i + 1]))
  assert.is(await digest(cut), await digest([long]))
  assert.is.not(await digest(cut.reverse()), await digest([long]))
})

test('arrays that are read late give the same bytes, one in memory at a time, and a read that fails leaves nothing', async () => {
  const arrays = [3, 70_000, 0, 5].map((length) => Float32Array.from({ length }, (_, i) => i / 3))
  const reads: number[] = []
  const late = (array: Float32Array, at: number) =>
    new LateArray(array.length, async () => {
      reads.push(at)
      return array.slice()
    })
  const value = (list: readonly (Float32Array | LateArray)[]) => ({ list, note: 'both', plain: Int32Array.of(7) })
  const [there, folder] = [new MemoryStore(), openFolder(join(scratch(), 'late'))]
  await there.write('now', await pack(value(arrays)))
  const parts = await pack(value(arrays.map(late)))
  assert.equal(reads, [0, 1, 2, 3]) // for the checksum
  reads.length = 0
  const seen: Uint8Array[] = []
  let most = 0
  for await (const part of parts) {
    seen.push(part.slice())
    most = Math.max(most, reads.length)
    reads.length = 0
  }
  assert.is(most, 1)
  assert.ok(isDeepStrictEqual(new Uint8Array(joined(seen)), await there.read('now')))
  await folder.write('state', await pack(value(arrays.map(late))))
  assert.ok(isDeepStrictEqual(new Uint8Array((await folder.read('state'))!), await there.read('now')))

  for (const store of [there, folder]) {
    const before = await store.read('state')
    const names = await store.list()
    let left = arrays.length + 2 // lost between the checksum and the file
    const failing = arrays.map((array) =>
      Object.assign(late(array, 0), {
        read: async () => {
          if (left-- === 0) throw new RadiogradError('GPU device lost')
          return array
        },
      }),
    )
    const message = await failure(async () => store.write('state', await pack(value(failing))))
    assert.match(message, /^GPU device lost$/)
    assert.equal(await store.list(), names)
    assert.ok(isDeepStrictEqual(await store.read('state'), before))
  }
})

/** The files of a run stopped in its epoch 2, on another version than later. */
async function stopped(): Promise<MemoryStore> {
  const store = new MemoryStore('there')
  const there = await (interrupted ??= interrupt())
  for (const name of await there.list()) await store.write(name, (await there.read(name))!)
  return store
}

let interrupted: Promise<MemoryStore> | null = null
async function interrupt(): Promise<MemoryStore> {
  const store = new MemoryStore()
  const abort = new AbortController()
  await trainRun(settings, {
    store,
    data,
    signal: abort.signal,
    versions: { radiograd: '0.0.1' },
    on: (event) => {
      if (event.kind === 'progress' && event.phase === 'train' && event.epoch === 2) abort.abort()
    },
  })
  return store
}

test('a stopped run goes on to the same bytes, and says where', async () => {
  const store = await stopped()
  assert.equal(
    (await store.list()).filter((name) => name.endsWith('.resume')),
    ['best-1.resume', 'state-0.resume', 'state-1.resume'],
  )
  const events: RunEvent[] = []
  const versions = { radiograd: '0.0.1' }
  const { record } = await resumeRun({ workers: 1 }, { store, data, versions, on: (event) => events.push(event) })
  const resumed = events.find((event) => event.kind === 'resumed')!
  assert.equal([resumed.epoch, resumed.epochs, resumed.changed, resumed.broken], [2, 2, [], false])
  assert.ok(resumed.batches > 0)
  assert.equal(await results(store), await results(reference))
  assert.equal(await store.list(), RESULTS)
  assert.is(record!.resumed.length, 1)

  const again: RunEvent[] = []
  const told = await resumeRun({}, { store, on: (event) => again.push(event) })
  assert.equal(told.metrics, JSON.parse(text(await reference.read('metrics.json'))))
  assert.equal(
    again.map((event) => event.kind),
    ['settings', 'metrics', 'done'],
  )
})

/** The two states, the newest first. */
async function newestOf(store: Store): Promise<string[]> {
  const names = ['state-0.resume', 'state-1.resume']
  const counts = await Promise.all(
    names.map(async (name) => ((await unpack((await store.read(name))!, name)) as { count: number }).count),
  )
  return counts[0] > counts[1] ? names : names.reverse()
}

test('a damaged state is seen: the one before it goes on to the same bytes; with none whole there is a line', async () => {
  const store = await stopped()
  const [a, b] = [(await store.read('state-0.resume'))!, (await store.read('state-1.resume'))!]
  const spoil = (name: string, bytes: Uint8Array) =>
    store.write(
      name,
      bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 4 : byte)),
    )
  const files = await stopped()
  const [newest] = await newestOf(files)
  const bytes = (await files.read(newest))!
  await files.write(newest, bytes.subarray(0, bytes.length - 1))
  const events: RunEvent[] = []
  await resumeRun({}, { store: files, data, on: (event) => events.push(event) })
  const { broken, changed } = events.find((event) => event.kind === 'resumed')!
  assert.equal([broken, changed], [true, [{ name: 'radiograd', was: '0.0.1', is: 'none' }]])
  assert.equal(await results(files), await results(reference))
  await spoil('state-0.resume', a)
  await spoil('state-1.resume', b)
  assert.match(
    await failure(() => resumeRun({}, { store, data })),
    /^there\/state-\d\.resume: is not whole, its checksum differs$/,
  )
})

test('what decides about the results must stay', async () => {
  const store = await stopped()
  const fails = async (changes: Partial<TrainSettings>, expected: RegExp, images = data) =>
    assert.match(await failure(() => resumeRun(changes, { store, data: images })), expected)
  await fails({ lr: 2e-3 }, /^lr: must stay as the run began, 0.001, got 0.002$/)
  await fails({ weightDecay: 0 }, /^weightDecay: must stay as the run began, not given, got 0$/)
  // What a run saved before there was such a setting was its default.
  const { labelSmoothing, ...known } = parseSettings(TRAIN_SETTINGS, { data: 'x' })
  assert.is(settingsToGoOn(known as TrainSettings, { labelSmoothing }).labelSmoothing, 0)
  const others = (got: string) => new RegExp(`^data: must hold the images that the run began with, got ${got}$`)
  await fails({}, others('NORMAL/new.png as well and \\d+ more changes'), [
    ...data,
    { ...data[0], path: 'train/NORMAL/new.png' },
  ])
  // Another picture in place of one, of the validation images too: the same names, the same splits.
  for (const [at, { path }] of data.entries()) {
    if (at % 5) continue
    const swapped = data.map((entry, i) => (i === at ? { ...entry, blob: data[(at + 1) % data.length].blob } : entry))
    await fails({}, others(`another file as ${path.slice(path.indexOf('/') + 1)}`), swapped)
  }
  assert.match(
    await failure(() => resumeRun({}, { store: new MemoryStore('empty') })),
    /^empty: must hold a run that was stopped or killed, got none$/,
  )
})

/** A store whose n-th write fails, as on a full disk. */
const failing = (store: Store, n: number): Store => ({
  name: store.name,
  read: (name) => store.read(name),
  list: () => store.list(),
  remove: (name) => store.remove(name),
  write(name, bytes) {
    if (--n !== 0) return store.write(name, bytes)
    return Promise.reject(new RadiogradError(`${name}: cannot be written, no space left on the disk`))
  },
})

const everywhere = process.env.RADIOGRAD_FAULTS === 'all' ? test : () => {}
everywhere('a disk that fills up at a write: what is there goes on to the same bytes', async () => {
  assert.ok(writes > 12, String(writes))
  for (let n = 1; n <= writes; n++) {
    const store = new MemoryStore()
    const said = await failure(() => trainRun(settings, { store: failing(store, n), data }))
    assert.match(said, /^[\w.-]+: cannot be written, no space left on the disk$/, `write ${n}`)
    if ((await store.list()).length === 0) {
      assert.ok(n <= 2, `write ${n}`) // no step was saved yet
      continue
    }
    await resumeRun({}, { store, data })
    assert.equal(await results(store), await results(reference), `write ${n}: ${said}`)
  }
})

test('one full disk after another, at any call of the system: every run goes on from the one before', async () => {
  const dir = join(scratch(), 'full')
  const store = openFolder(dir, 'full')
  const { open, rename } = fs.promises
  const full = () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }))
  let left = 0
  let call = ''
  // At this call of the write after so many that succeed: half of the bytes may be there.
  const due = (name: string) => call === name && --left < 0
  Object.assign(fs.promises, {
    async open(...args: Parameters<typeof open>) {
      if (args[1] !== 'wx') return open(...args)
      if (due('open')) return full()
      const file = await open(...args)
      const { writeFile, sync } = file
      return Object.assign(file, {
        async writeFile(bytes: Uint8Array) {
          if (!due('writeFile')) return writeFile.call(file, bytes)
          await writeFile.call(file, bytes.subarray(0, bytes.length >> 1))
          return full()
        },
        sync: () => (due('sync') ? full() : sync.call(file)),
      })
    },
    rename: (...args: Parameters<typeof rename>) => (due('rename') ? full() : rename(...args)),
  })
  syncBuiltinESMExports()
  const failed = new Set<string>()
  try {
    for (let run = 0; ; run++) {
      call = ['writeFile', 'rename', 'open', 'sync'][run % 4]
      left = run
      const begun = existsSync(dir) && readdirSync(dir).some((file) => file.startsWith('state-'))
      const said = await (begun ? resumeRun({}, { store, data }) : trainRun(settings, { store, data })).then(
        () => null,
        (error: Error) => error.message,
      )
      if (said === null) break
      assert.match(said, /^\S+full\/[\w.-]+: cannot be written, no space left on the disk$/)
      failed.add(said.replace(/^.*full\/|: .*$/g, '').replace(/\d+/, ''))
      assert.not(existsSync(dir) && readdirSync(dir).some((file) => file.endsWith('.tmp')), said)
    }
  } finally {
    Object.assign(fs.promises, { open, rename })
    syncBuiltinESMExports()
  }
  assert.ok(failed.size > 3, [...failed].join())
  assert.equal(readdirSync(dir).sort(), RESULTS)
  assert.equal(await results(store), await results(reference))
})

test('a failure before the first step leaves an earlier unfinished run as it was', async () => {
  const store = await stopped()
  const events: RunEvent[] = []
  const wrong = { ...settings, trainable: ['tail'] }
  assert.match(
    await failure(() => trainRun(wrong, { store, data, on: (event) => events.push(event) })),
    /^trainable: must be names of this model/,
  )
  assert.ok(events.some((event) => event.kind === 'replaced'))
  await resumeRun({}, { store, data })
  assert.equal(await results(store), await results(reference))
})

test('a folder deleted in mid-run is made again, whole', async () => {
  const dir = join(scratch(), 'runs/out')
  const store = openFolder(dir)
  let deleted = false
  await trainRun(settings, {
    store,
    data,
    on: (event) => {
      if (event.kind !== 'epoch' || deleted) return
      deleted = true
      rmSync(join(dir, '..'), { recursive: true })
    },
  })
  assert.equal(readdirSync(dir).sort(), RESULTS)
  assert.equal(await results(store), await results(reference))
})

test('one run has a folder at a time; a killed one leaves no lock and no temporary file', async () => {
  const dir = join(scratch(), 'out')
  const [mine, other] = [openFolder(dir), openFolder(`${dir}/`, 'other')]
  const release = await mine.lock!()
  assert.is(
    await failure(() => other.lock!()),
    'other: must be used by one run at a time, got another that is still running',
  )
  await release()
  await (
    await other.lock!()
  )()

  const program = `
    import { openFolder } from ${JSON.stringify(import.meta.resolve('../../src/index.js'))}
    const store = openFolder(${JSON.stringify(dir)})
    await store.lock()
    await store.write('a', new Uint8Array(1))
    console.log('locked')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((locked) => child.stdout.once('data', locked))
  assert.match(await failure(() => mine.lock!()), /one run at a time/)
  assert.match(await failure(() => trainRun(settings, { store: mine, data })), /one run at a time/)
  const gone = new Promise((closed) => child.on('close', closed))
  child.kill('SIGKILL')
  await gone
  writeFileSync(join(dir, 'best.safetensors.0123abcd.tmp'), 'half')
  const free = await mine.lock!()
  assert.equal(readdirSync(dir), ['a'])
  await free()
  await mine.remove('a')
  assert.ok(existsSync(dir)) // another process made it
})

test.run()
