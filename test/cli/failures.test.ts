// What goes wrong at the user's end: one line that names the file or flag, the right exit code, and nothing
// half-written.
import * as assert from 'uvu/assert'
import { type ChildProcess, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { strToU8, zipSync } from 'fflate'
import { suite } from 'uvu'
import { writeSyntheticDataset } from '../../src/data/synthetic.node.js'
import { type RunOptions, radiograd, scratch } from './command.js'

const test = suite('failures')
const dir = scratch()
const at = (name: string) => join(dir, name)
const fixtures = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url))
await writeSyntheticDataset(at('data'), { train: 12, test: 4, size: 32 })

const TINY = ['--image-size', '32', '--batch-size', '4', '--epochs', '1', '--val-split', '0.3']
const train = (data: string, ...more: string[]) => ['train', '--data', data, '--out', at('out'), ...TINY, ...more]

/**
 * Runs it and expects this exit code, one line that matches, nothing on stdout but the report, and no output folder.
 */
async function fails(args: string[], code: number, message: RegExp, options?: RunOptions) {
  const run = await radiograd(args, options)
  const lines = run.stderr.trimEnd().split('\n')
  assert.is(run.code, code, run.stderr)
  assert.is(lines.length, 1, run.stderr)
  assert.match(lines[0], message)
  assert.ok(lines[0].startsWith('radiograd: '))
  assert.not(existsSync(at('out')), 'the output folder must not be there')
}

/** A copy of the data set with one more training image. */
function spoilt(name: string, file: string, bytes: Uint8Array): string {
  cpSync(at('data'), at(name), { recursive: true })
  writeFileSync(join(at(name), 'train/NORMAL', file), bytes)
  return at(name)
}

/** A safetensors file of one tensor of zeros. */
function safetensors(name: string, shape: number[]): Buffer {
  const bytes = shape.reduce((a, b) => a * b, 4)
  const text = JSON.stringify({ [name]: { dtype: 'F32', shape, data_offsets: [0, bytes] } })
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, Buffer.alloc(bytes)])
}

function written(name: string, bytes: Uint8Array): string {
  writeFileSync(at(name), bytes)
  return at(name)
}

test('usage', async () => {
  await fails(['train'], 2, /required option '--data <dir>' not specified/)
  await fails(
    ['train', '--resume', 'x', '--out', 'y'],
    2,
    /option '--resume <dir>' cannot be used with option '--out <dir>'/,
  )
  await fails(
    ['train', '--resume', at('nowhere')],
    1,
    /--resume .*nowhere: must hold a run that was stopped or killed, got none/,
  )
  assert.is((await radiograd([])).code, 2)
  await fails(['paint'], 2, /unknown command 'paint'/)
  await fails(train(at('data'), '--colour', 'red'), 2, /unknown option '--colour'/)
  await fails(train(at('data'), '--lr', '-1'), 2, /'--lr <x>' argument '-1' is invalid\. It must be a number above 0/)
  await fails(train(at('data'), '--batch-size', '1.5'), 2, /'--batch-size <n>' argument '1\.5' is invalid/)
  await fails(train(at('data'), '--val-split', '1'), 2, /'--val-split <x>' argument '1' is invalid/)
  await fails(train(at('data'), '--model', 'resnet19'), 2, /'--model <name>' argument 'resnet19' is invalid/)
  const bad = {
    balance: 'all',
    mixup: '-1',
    ema: '1',
    'clip-grad': '0',
    warmup: 'x',
    augment: 'flip=2',
    'cache-trunk': '0',
    'image-cache-limit': '0',
    decoder: 'jpeg',
  }
  for (const [flag, value] of Object.entries(bad))
    await fails(
      train(at('data'), `--${flag}`, value),
      2,
      new RegExp(`'--${flag} <\\w+>' argument '${value}' is invalid`),
    )
  await fails(['predict', '--checkpoint', 'x'], 2, /missing required argument 'file'/)
})

test('folders', async () => {
  mkdirSync(at('empty/train'), { recursive: true })
  await fails(train(at('nowhere')), 1, /nowhere\/train: must be a folder that can be read, got ENOENT/)
  await fails(train(at('empty')), 1, /empty\/train: must hold one folder .* two or more classes, got \[\]/)
  cpSync(join(at('data'), 'train/NORMAL'), at('single/train/NORMAL'), { recursive: true })
  await fails(train(at('single')), 1, /single\/train: must hold .* two or more classes, got \[NORMAL\]/)
  mkdirSync(at('hollow/train/NORMAL'), { recursive: true })
  mkdirSync(at('hollow/train/PNEUMONIA'), { recursive: true })
  await fails(train(at('hollow')), 1, /hollow\/train\/NORMAL: must hold \.jpeg, \.jpg or \.png images, got none/)
  cpSync(join(at('data'), 'train'), at('untested/train'), { recursive: true })
  await fails(train(at('untested')), 1, /untested\/test: must be a folder/)
  const file = written('file', strToU8('in the way'))
  await fails(
    train(at('data'), '--out', join(file, 'out')),
    1,
    /--out .*: must be a folder that can be written, got ENOTDIR/,
  )
  await fails(
    train(at('data'), '--trainable', 'layer5'),
    2,
    /--trainable: must be names of this model such as conv1.*, got layer5/,
  )
})

test('images', async () => {
  const whole = readFileSync(join(fixtures, 'data/gray.jpeg'))
  const cut = spoilt('cut', 'truncated.jpeg', whole.subarray(0, whole.length >> 1))
  await fails(train(cut), 1, /cut\/train\/NORMAL\/truncated\.jpeg: /)
  const text = spoilt('text', 'notes.jpeg', strToU8('not an image at all'))
  await fails(
    train(text),
    1,
    /text\/train\/NORMAL\/notes\.jpeg: must be a JPEG or PNG image, got a file that begins with 6e 6f 74 20/,
  )
  await fails(
    train(at('data'), '--max-pixels', '1000'),
    1,
    /images cannot be read \(--skip-unreadable leaves them out\): .* at most 0\.001 million pixels \(--max-pixels\), got /,
  )
})

test('checkpoints', async () => {
  const weights = (file: string) => train(at('data'), '--weights', file)
  await fails(weights(at('nothing.pth')), 1, /nothing\.pth: /)
  const file = safetensors('fc.bias', [2000])
  await fails(weights(written('half.safetensors', file.subarray(0, file.length >> 1))), 1, /half\.safetensors: /)
  const huge = Buffer.from(file)
  huge.writeBigUInt64LE(2n ** 60n)
  await fails(weights(written('huge.safetensors', huge)), 1, /huge\.safetensors: .*1152921504606846976/)
  await fails(
    weights(written('shapes.safetensors', safetensors('conv1.weight', [64, 1, 7, 7]))),
    1,
    /shapes\.safetensors: .*conv1\.weight has shape \[64, 1, 7, 7\], the model needs \[64, 3, 7, 7\]/,
  )
  await fails(
    weights(written('other.safetensors', safetensors('blocks.0.weight', [4]))),
    1,
    /other\.safetensors: does not fit the model/,
  )
  const call = strToU8(`cposix\nsystem\n(S'touch ${at('owned')}'\ntR.`)
  const version = strToU8('3\n')
  const evil = zipSync({ 'archive/data.pkl': call, 'archive/version': version })
  await fails(weights(written('evil.pth', evil)), 1, /evil\.pth: .*posix\.system/)
  assert.not(existsSync(at('owned')))
  const noise = new Uint8Array(4000).map((_, i) => (i * 7919) >> 3)
  const zip = zipSync({ 'archive/data.pkl': noise, 'archive/version': version })
  await fails(weights(written('half.pth', zip.subarray(0, zip.length >> 1))), 1, /half\.pth: /)
  await fails(
    ['eval', '--data', at('data'), '--checkpoint', at('other.safetensors')],
    1,
    /other\.safetensors: must be a checkpoint written by 'radiograd train', got one without 'model'/,
  )
})

test('no adapter', async () => {
  const none = { env: { RADIOGRAD_ADAPTER: 'gpu', VK_DRIVER_FILES: at('no-driver.json') } }
  if (process.platform !== 'linux') return console.log('skip: no way to hide the adapter here')
  await fails(train(at('data')), 1, /radiograd: no adapter: found no gpu; /, none)
  await fails(['info'], 1, /radiograd: no adapter: /, none)
})

/** Every epoch is the best without validation, so that every one saves. */
const saving = ['--epochs', '500', '--val-split', '0', '--lr', '1e-4']

/** The tensors of `best.safetensors` end where the file does. */
function assertWhole(folder: string) {
  const file = readFileSync(join(folder, 'best.safetensors'))
  const header = Number(file.readBigUInt64LE(0))
  const tensors = JSON.parse(file.subarray(8, 8 + header).toString()) as Record<string, { data_offsets?: number[] }>
  assert.is(file.length, 8 + header + Math.max(...Object.values(tensors).map((t) => t.data_offsets?.[1] ?? 0)))
}

test('a full disk while a file is written: one line, the earlier file stays, nothing half-written', () => {
  // The kernel refuses files over 4 MiB; in a process without an adapter, whose memory are files here too. That a run
  // survives such failures is tested in app/resume.test.ts.
  const program = `
    import { openFolder } from ${JSON.stringify(import.meta.resolve('../../src/index.js'))}
    const store = openFolder(${JSON.stringify(at('full'))})
    await store.write('best.safetensors', new Uint8Array(10).fill(7))
    await store.write('best.safetensors', new Uint8Array(8 << 20)).catch((error) => console.log(error.message))`
  const limited = ['--fsize=4194304', process.execPath, '--input-type=module', '-e', program]
  const said = execFileSync('prlimit', limited, { encoding: 'utf8' })
  assert.match(said, /^.*best\.safetensors: cannot be written, .* over the allowed file size\n$/)
  assert.equal(readdirSync(at('full')), ['best.safetensors'])
  assert.equal([...readFileSync(join(at('full'), 'best.safetensors'))], Array(10).fill(7))
})

test('Ctrl-C', async () => {
  const interrupt = (child: ChildProcess) => child.kill('SIGINT')
  const run = await radiograd(train(at('data'), ...saving), { when: /^epoch 2\/500  loss/m, then: interrupt })
  const { code, stdout, stderr } = run
  assert.is(code, 130, stderr)
  assert.match(stderr, /^radiograd: stopping after this step/)
  assert.match(stdout, /stopped   by a signal; .*best\.safetensors is from epoch \d/)
  assert.match(stdout, `go on     radiograd train --resume ${at('out')}\n`)
  const results = readdirSync(at('out')).filter((name) => !name.endsWith('.resume'))
  assert.equal(results.sort(), ['best.safetensors', 'history.csv', 'run.json'])
  assertWhole(at('out'))
  const rows =
    readFileSync(join(at('out'), 'history.csv'), 'utf8')
      .trimEnd()
      .split('\n').length - 1
  const { stopped, epochs } = JSON.parse(readFileSync(join(at('out'), 'run.json'), 'utf8'))
  assert.ok(rows >= 2 && rows < 500)
  assert.equal([stopped, epochs], ['aborted', rows])
})

test.run()
