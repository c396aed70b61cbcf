// The bench's small pieces and its usage errors, and the tables of the documents: they are what bench/results says.
import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readChoices, shippedSource } from '../../bench/choices.js'
import { type PeerRow, peerNames, summed, withRows } from '../../bench/peers.js'
import { slug, watchOthers } from '../../bench/results.js'
import { shareOf } from '../../bench/measure.js'
import { compared } from '../../bench/estimate.js'
import { columns, median, percent, short } from '../../bench/stats.js'
import { forwardFlops, stepFlops, steps } from '../../bench/steps.js'
import { type AdapterFiles, documents, inserted, shortTable, tables } from '../../bench/table.js'

const test = suite('bench')

test('statistics', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([4, 1, 2, 3]), 2.5)
  assert.equal([1234.5, 123.4, 12.34, 1.234, 0.01234, 0, NaN].map(short), [
    '1235',
    '123',
    '12.3',
    '1.23',
    '0.0123',
    '0.00',
    '–',
  ])
  assert.equal([0.5, 0.031, 1.2].map(percent), ['50 %', '3.1 %', '120 %'])
  assert.equal(
    columns([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
    ['a    bb', 'ccc   d'],
  )
})

test('files are called after adapters', () => {
  assert.is(slug({ adapterKind: 'gpu', adapterName: 'NVIDIA H100 80GB (HBM3)' }), 'nvidia-h100-80gb-hbm3')
  assert.is(slug({ adapterKind: 'lavapipe', adapterName: 'llvmpipe (LLVM 15)' }), 'lavapipe')
})

test('an estimate that grew by more than 5 % is marked on chips that are watched, and spills that grew', () => {
  const of = (chip: string, ms: number, spills = 0) => {
    const kernel = { kernel: 'k', calls: 1, registers: 8, spills, threads: 16, ms, rooflineMs: 1 }
    return {
      chip,
      name: chip,
      steps: [{ step: 's', dispatches: 1, pipelines: 1, ms, rooflineMs: 1, kernels: [kernel] }],
    }
  }
  const mark = (chip: string, now: [number, number?], before: [number, number?]) =>
    compared(of(chip, ...now), of(chip, ...before))[0].at(-1)
  assert.is(mark('navi31', [10.6], [10]), 'REGRESSION')
  assert.is(mark('navi31', [10.4], [10]), '')
  assert.is(mark('apple-m1', [10, 4], [10, 3]), 'REGRESSION')
  assert.is(mark('strix1', [20], [10]), '')
  assert.is(compared(of('navi31', 10), null)[0][2], '–')
})

test('a share is of the ceiling that binds', () => {
  const ceilings = { gflops: 100, gbs: 10, cachedGbs: 20 }
  assert.equal(shareOf({ flops: 2e9, bytes: 1e8, ms: 40 }, ceilings), { bound: 'arithmetic', share: 0.5 })
  assert.equal(shareOf({ flops: 1e6, bytes: 1e8, ms: 20 }, ceilings), { bound: 'memory', share: 0.5 })
  assert.equal(
    shareOf({ flops: 1e3, bytes: 1e6, ms: 0.1 }, ceilings),
    { bound: 'memory', share: 0.5 },
    'small ones are in a cache',
  )
})

test('work of a step', () => {
  assert.ok(Math.abs(forwardFlops('vit-b', 224) / 35.1e9 - 1) < 0.01, `ViT-B: ${forwardFlops('vit-b', 224)}`)
  assert.ok(Math.abs(forwardFlops('vit-tiny', 224) / 2.5e9 - 1) < 0.02, `ViT-Tiny: ${forwardFlops('vit-tiny', 224)}`)
  const [small, large, partial] = steps
  assert.ok(Math.abs(stepFlops(large) / stepFlops(small) - 12.25) < 1e-9)
  assert.ok(stepFlops(partial) / partial.batch < stepFlops(large) / large.batch)
})

test('rounds of peers: ratios round by round, failures kept', () => {
  const rows = summed('resnet18.train.b4.224', [
    [
      { peer: 'radiograd', work: '', ms: 10, minMs: 9, error: 0, correct: true },
      { peer: 'TensorFlow.js', work: '', ms: 30, minMs: 29, error: 1e-6, correct: true },
    ],
    [
      { peer: 'radiograd', work: '', ms: 20, minMs: 19, error: 0, correct: true },
      { peer: 'TensorFlow.js', work: '', failed: 'stopped after 150 s' },
    ],
  ])
  const [ours, theirs, leftOut] = rows
  assert.equal([ours.ms, ours.minMs, ours.ratios], [15, 9, []])
  assert.equal([theirs.ms, theirs.ratios, theirs.correct, theirs.note], [30, [3], true, 'stopped after 150 s'])
  assert.match(leftOut.note!, /^left out/)
})

test('works of peers that are measured again take their old place', () => {
  const row = (work: string, ms: number): PeerRow => ({
    ...{ work, peer: 'radiograd', ms, minMs: ms, ratios: [], correct: true, error: 0 },
  })
  const before = { date: '2026-01-01', rows: [row('matmul1024', 1), row('adam.11M', 2)], cold: [] }
  const again = { date: '2026-01-02', rows: [row('matmul1024', 3), row('gelu.forward', 4)], cold: [] }
  const { date, rows } = withRows(before, again)
  assert.equal(
    [date, rows.map(({ work, ms, date: own }) => [work, ms, own])],
    [
      '2026-01-01',
      [
        ['matmul1024', 3, '2026-01-02'],
        ['gelu.forward', 4, '2026-01-02'],
        ['adam.11M', 2, undefined],
      ],
    ],
  )
})

const adapter: AdapterFiles = {
  whole: {
    adapter: 'chip',
    date: '2026-01-01',
    node: 'v20',
    ceilings: { gflops: 100, gbs: 10, cachedGbs: 20 },
    kernels: [
      {
        work: 'matmul 1024×1024×1024',
        part: 'forward',
        ms: 40,
        minMs: 39,
        flops: 2 ** 31,
        bytes: 12e6,
        error: null,
        kernels: ['matmul'],
        share: 0.54,
        bound: 'arithmetic',
      },
    ],
    steps: [
      {
        name: 'ViT-Tiny training, 224 px, batch 2',
        ms: 500,
        minMs: 490,
        imagesPerSecond: 4,
        gflops: 30,
        dispatches: 414,
        hostMs: 5,
        loopBusy: 0.02,
        peakBytes: 2 ** 20,
        plannedBytes: 1,
        lowerBoundBytes: 1,
        newObjectsPerStep: 0,
      },
    ].flatMap((s) => [s, { ...s, name: `${s.name}, f16`, ms: 250 }]),
    cold: [{ name: 'ViT-Tiny training, 224 px, batch 2', initMs: 60, modelMs: 100, stepMs: 9000 }],
    failed: [],
  },
  peers: {
    adapter: 'chip',
    file: 'peers-chip',
    date: '',
    node: '',
    versions: { 'TensorFlow.js': '4' },
    rounds: 3,
    cold: [],
    rows: [
      { work: 'vit_tiny.train.b2', peer: 'radiograd', ms: 510, minMs: 1, ratios: [], correct: true, error: 0 },
      {
        work: 'vit_tiny.train.b2',
        peer: 'TensorFlow.js',
        ms: 4000,
        minMs: 1,
        ratios: [7, 8, 9],
        correct: false,
        error: 1,
      },
    ],
  },
  pytorch: {
    device: 'cpu',
    name: 'CPU',
    torch: '2.0',
    threads: 2,
    date: '',
    rows: [
      { work: 'matmul1024', precision: 'f32', ms: 8, minMs: 7 },
      { work: 'vit_tiny.train.b2', precision: 'amp', ms: 100, minMs: 9 },
      { work: 'matmul1024', precision: 'amp', ms: 4, minMs: 3 },
    ],
  },
}

test('other processes are seen', async () => {
  const others = watchOthers()
  const child = spawn(process.execPath, ['-e', 'for (const end = Date.now() + 600; Date.now() < end;);'])
  await new Promise((done) => child.on('close', done))
  assert.ok(others() > 0.2, `${others()} cores`)
})

test('tables', () => {
  const text = tables([adapter])
  assert.ok(text.includes('| matmul 1024³ | 40.0 | – | 8.00 (0.20×) | 4.00 |'), text)
  assert.ok(
    text.includes('| ViT-Tiny training, 224 px, batch 2 | 510 | 4000 (8.0×) wrong result | – | 100 (0.40×) |'),
    text,
  )
  assert.ok(text.includes('| ViT-Tiny training, 224 px, batch 2 | 500 | 4.00 | 1.0 % | 1 MiB | 9.0 s |'), text)
  assert.is(
    inserted('a\n<!-- bench -->\nold\n<!-- /bench -->\nb', 'new'),
    'a\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\nb',
  )
  assert.throws(() => inserted('no markers', ''), /document: has no/)
})

test('the short table holds whole steps alone', () => {
  const lines = shortTable(adapter).split('\n')
  assert.is(lines.length, 3)
  assert.ok(lines[2].startsWith('| ViT-Tiny training, 224 px, batch 2 | 510 |'), lines[2])
})

test('the tables of the documents are those of bench/results', async () => {
  const found = await documents()
  assert.equal(
    found.map(({ file }) => file),
    ['docs/benchmarks.md', 'README.md'],
  )
  for (const { file, markdown } of found) {
    const text = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')
    assert.ok(markdown.split('\n').length > 4, file)
    assert.is(inserted(text, markdown), text, `${file}: run 'npm run bench -- --table'`)
  }
})

test('what ships is what was measured: much faster on software adapters, a tenth faster on GPUs', async () => {
  const measurement = (key: string, chosen: string, ms: number) => ({
    key,
    calls: 1,
    default: 'a',
    chosen,
    ms,
    defaultMs: 10,
    rejected: [],
  })
  const source = await shippedSource([
    {
      adapter: '',
      isSoftware: true,
      shipsAs: 'soft',
      date: '',
      node: '',
      measurements: [measurement('x', 'b', 6), measurement('y', 'b', 8), measurement('z', 'a', 10)],
    },
    { adapter: '', isSoftware: false, shipsAs: 'chip', date: '', node: '', measurements: [measurement('y', 'b', 8)] },
  ])
  assert.ok(source.endsWith("= {\n  soft: {\n    x: 'b',\n  },\n  chip: {\n    y: 'b',\n  },\n}\n"), source)
  const there = readFileSync(new URL('../../../src/tune/shipped.ts', import.meta.url), 'utf8')
  assert.is(there, await shippedSource(await readChoices()), "run 'npm run bench -- --ship'")
})

test('a wrong word or flag ends with 2 and one line', async () => {
  const main = fileURLToPath(new URL('../../bench/main.js', import.meta.url))
  const wrong = [
    ['nosuch'],
    ['--nosuch'],
    ['--profile', 'lenet'],
    ['--table', '--all'],
    ['--minutes', '0'],
    ['--peers', 'nosuch'],
    ['softmax', '--table'],
    ['--choices', 'nosuch'],
    ['--ship', '--all'],
  ]
  await Promise.all(
    wrong.map(
      (args) =>
        new Promise<void>((done) => {
          execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
            assert.is(error?.code, 2, args.join(' '))
            assert.is(stdout, '')
            assert.match(stderr, /^bench: [^\n]+\n$/)
            done()
          })
        }),
    ),
  )
})

test('works of PyTorch are those of the peers', () => {
  const script = readFileSync(new URL('../../../bench/peers/torch_bench.py', import.meta.url), 'utf8')
  for (const name of peerNames.filter((work) => !/^(layerNorm|batchNorm|gelu)/.test(work)))
    assert.ok(script.includes(`"${name}"`), name)
})

test.run()
