// The tables of docs/benchmarks.md and the short one of the README, made from bench/results/*.json and put between the
// markers <!-- bench --> and <!-- /bench -->.
import { readFile, writeFile } from 'node:fs/promises'
import { check } from '../src/util/check.js'
import type { PeerResults, PeerRow } from './peers.js'
import type { PytorchResults } from './pytorch.js'
import { readResults, resultNames } from './results.js'
import { median, mib, percent, short } from './stats.js'
import { HALF } from './steps.js'
import type { WholeResults } from './whole.js'

/** All results of one adapter. */
export interface AdapterFiles {
  whole: WholeResults
  peers: PeerResults | null
  pytorch: PytorchResults | null
}

/** Works that are compared: what they are called in the table, and where ours stands in the adapter's own file. */
const COMPARED: readonly {
  work: string
  title: string
  kernel?: readonly [work: string, ...parts: string[]]
  step?: string
}[] = [
  { work: 'matmul1024', title: 'matmul 1024³', kernel: ['matmul 1024×1024×1024', 'forward'] },
  ...['forward', 'dX', 'dW'].map((part) => ({
    work: `conv.${part}`,
    title: `conv 3×3 64→64 at 56², batch 4: ${part}`,
    kernel: ['conv 3×3 64→64 at 56² (layer1)', part] as const,
  })),
  ...(
    [
      ['depthwise', 'depthwise 7×7 96 at 56²', 'depthwise 7×7 96 at 56² (ConvNeXt)', ['dX', 'dW']],
      ['squeezeExcite', 'squeeze-excite 240→10 at 28²', 'squeeze-excite 240→10 at 28²', ['backward']],
    ] as const
  ).flatMap(([work, title, name, backward]) => [
    { work: `${work}.forward`, title: `${title}, batch 4: forward`, kernel: [name, 'forward'] as const },
    {
      work: `${work}.forward+backward`,
      title: `${title}: forward + backward`,
      kernel: [name, 'forward', ...backward] as const,
    },
  ]),
  {
    work: 'attention.forward',
    title: 'attention B4 H12 T197 D64: forward',
    kernel: ['attention B4 H12 T197 D64', 'forward'],
  },
  {
    work: 'attention.forward+backward',
    title: 'attention: forward + backward',
    kernel: ['attention B4 H12 T197 D64', 'forward', 'backward'],
  },
  { work: 'layerNorm.forward', title: 'layerNorm [788, 768]: forward', kernel: ['layerNorm [788, 768]', 'forward'] },
  {
    work: 'layerNorm.forward+backward',
    title: 'layerNorm: forward + backward',
    kernel: ['layerNorm [788, 768]', 'forward', 'backward'],
  },
  { work: 'batchNorm.forward', title: 'batchNorm [788, 768]: forward', kernel: ['batchNorm [788, 768]', 'forward'] },
  {
    work: 'batchNorm.forward+backward',
    title: 'batchNorm: forward + backward',
    kernel: ['batchNorm [788, 768]', 'forward', 'backward'],
  },
  { work: 'gelu.forward', title: 'gelu [788, 768]: forward', kernel: ['gelu [788, 768]', 'forward'] },
  {
    work: 'gelu.forward+backward',
    title: 'gelu: forward + backward',
    kernel: ['gelu [788, 768]', 'forward', 'backward'],
  },
  { work: 'adam.11M', title: 'Adam, 11 M parameters', kernel: ['Adam, 11 M parameters', 'step'] },
  ...(
    [
      ['resnet18.infer.b1', 'ResNet18 inference, 224 px, batch 1'],
      ['resnet18.infer.b4', 'ResNet18 inference, 224 px, batch 4'],
      ['resnet18.train.b4.64', 'ResNet18 training, 64 px, batch 4'],
      ['resnet18.train.b4.224', 'ResNet18 training, 224 px, batch 4'],
      ['resnet18.train.b64.224', 'ResNet18 training, 224 px, batch 64'],
      ['vit_tiny.infer.b1', 'ViT-Tiny inference, 224 px, batch 1'],
      ['vit_tiny.train.b2', 'ViT-Tiny training, 224 px, batch 2'],
      ['vit_b.train.b2', 'ViT-B/16 training, 224 px, batch 2'],
      ['vit_b.train.b32', 'ViT-B/16 training, 224 px, batch 32'],
    ] as const
  ).map(([work, title]) => ({ work, title, step: title })),
]

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]) => [
  row(head),
  row(head.map(() => '---')),
  ...rows.map(row),
]

/** Ours beside others: milliseconds, and how many times ours. */
function comparison({ whole, peers, pytorch }: AdapterFiles): string[] {
  const others = peers ? [...new Set(peers.rows.map((r) => r.peer))].filter((peer) => peer !== 'radiograd') : []
  const precisions = pytorch ? [...new Set(pytorch.rows.map((r) => r.precision))] : []
  if (!others.length && !precisions.length) return []
  const rows = COMPARED.flatMap(({ work, title, kernel, step }) => {
    const of = (peer: string) => peers?.rows.find((r) => r.work === work && r.peer === peer)
    const alone = kernel ? partsOf(whole, kernel) : whole.steps.find((s) => s.name === step)?.ms
    const ours = of('radiograd')?.ms ?? alone
    if (!ours) return []
    return [
      [
        title,
        short(ours),
        ...others.map((peer) => peerCell(of(peer))),
        ...precisions.map((precision) => {
          const ms = pytorch!.rows.find((r) => r.work === work && r.precision === precision)?.ms
          const beside = precision === 'amp' ? whole.steps.find((s) => s.name === step + HALF)?.ms : ours
          return ms === undefined ? '–' : `${short(ms)}${beside ? ` (${ratio(ms / beside)})` : ''}`
        }),
      ],
    ]
  })
  const where = pytorch && (pytorch.threads ? `, CPU, ${pytorch.threads} threads` : '')
  const head = [
    'ms (and how many times ours)',
    'radiograd',
    ...others.map((peer) => `${peer} ${peers!.versions[peer]}`),
    ...precisions.map(
      (precision) =>
        `PyTorch ${pytorch!.torch}${where || `, ${precision}`}${precision === 'amp' ? ', beside ours in f16' : ''}`,
    ),
  ]
  return table(head, rows)
}

/** Time of a kernel's parts together; 0 when it was not measured. */
function partsOf({ kernels }: WholeResults, [work, ...parts]: readonly [string, ...string[]]): number {
  return parts.reduce((sum, part) => sum + (kernels.find((k) => k.work === work && k.part === part)?.ms ?? 0), 0)
}

const ratio = (value: number) => `${value.toFixed(value >= 9.95 ? 0 : value >= 0.995 ? 1 : 2)}×`

function peerCell(found: PeerRow | undefined): string {
  if (!found || found.ms === null) return '–'
  const times = found.ratios.length ? ratio(median(found.ratios)) : '–'
  return `${short(found.ms)} (${times})${found.correct ? '' : ' wrong result'}`
}

function stepRows({ steps, cold }: WholeResults): string[] {
  return table(
    ['step', 'ms', 'images/s', 'host', 'peak memory', 'first step, nothing compiled yet'],
    steps.map((s) => {
      const first = cold.find(({ name }) => name === s.name)
      return [
        s.name,
        short(s.ms),
        short(s.imagesPerSecond),
        percent(s.hostMs / s.ms),
        mib(s.peakBytes),
        first ? `${(first.stepMs / 1000).toFixed(1)} s` : '–',
      ]
    }),
  )
}

function kernelRows({ kernels }: WholeResults): string[] {
  const works = [...new Set(kernels.map((k) => k.work))]
  return table(
    ['kernel', 'parts', 'ms', 'of the ceiling'],
    works.map((work) => {
      const parts = kernels.filter((k) => k.work === work)
      const all = (cell: (k: (typeof parts)[number]) => string) => parts.map(cell).join(' · ')
      return [work, all((k) => k.part), all((k) => short(k.ms)), all((k) => percent(k.share))]
    }),
  )
}

/** Markdown of everything that was measured. */
export function tables(adapters: readonly AdapterFiles[]): string {
  return adapters
    .flatMap((files) => {
      const { whole, peers } = files
      const { gflops, gbs } = whole.ceilings
      const compared = comparison(files)
      return [
        `**${whole.adapter}**, ${whole.date}: multiply-adds in registers reach ${short(gflops)} GFLOPS there, ` +
          `memory ${short(gbs)} GB/s.${busy(whole)}`,
        '',
        ...(compared.length ? [...compared, ''] : []),
        ...(peers?.cold.length
          ? [`First step in a fresh process on an empty driver cache: ${coldSentence(peers)}.`, '']
          : []),
        ...stepRows(whole),
        '',
        '<details><summary>Every kernel</summary>',
        '',
        ...kernelRows(whole),
        '',
        '</details>',
        '',
      ]
    })
    .join('\n')
    .trimEnd()
}

/** Said when other processes disturbed the measurement. */
const busy = ({ otherCores }: WholeResults) =>
  otherCores !== undefined && otherCores > 0.1 ? ` Other processes kept ${short(otherCores)} cores busy meanwhile.` : ''

function coldSentence({ cold }: PeerResults): string {
  const works = [...new Set(cold.map(({ work }) => work))]
  const title = (work: string) => COMPARED.find((c) => c.work === work)!.title
  return works
    .map(
      (work) =>
        `${title(work)}: ${cold
          .filter((c) => c.work === work)
          .map(({ peer, ms }) => `${peer} ${ms === null ? '–' : `${(ms / 1000).toFixed(1)} s`}`)
          .join(', ')}`,
    )
    .join('; ')
}

/** Everything in bench/results, by adapter. */
export async function readAdapters(): Promise<AdapterFiles[]> {
  const adapters: AdapterFiles[] = []
  for (const name of await resultNames()) {
    const whole = await readResults<WholeResults>(name)
    if (!whole?.ceilings) continue
    const software = name === 'lavapipe' || name === 'swiftshader'
    adapters.push({
      whole,
      peers: await readResults(`peers-${name}`),
      pytorch: await readResults(`pytorch-${software ? 'cpu' : name}`),
    })
  }
  return adapters
}

/** The works of the README's table: what people want to train and run. */
const IN_SHORT = [
  'resnet18.train.b4.64',
  'resnet18.train.b4.224',
  'vit_tiny.train.b2',
  'vit_b.train.b2',
  'resnet18.infer.b4',
]

/** Five rows for the README: whole steps on one adapter beside the others' engines. */
export function shortTable({ whole, peers, pytorch }: AdapterFiles): string {
  const [head, rule, ...rows] = comparison({ whole, peers, pytorch })
  const titles = IN_SHORT.map((work) => COMPARED.find((c) => c.work === work)!.title)
  return [head, rule, ...titles.flatMap((title) => rows.filter((line) => line.startsWith(`| ${title} |`)))].join('\n')
}

/** What stands between the markers of each document. */
export async function documents(): Promise<{ file: string; markdown: string }[]> {
  const adapters = await readAdapters()
  const [fastest] = [...adapters].sort((a, b) => b.whole.ceilings.gflops - a.whole.ceilings.gflops)
  return [
    { file: 'docs/benchmarks.md', markdown: tables(adapters) },
    { file: 'README.md', markdown: shortTable(fastest) },
  ]
}

const MARKED = /(<!-- bench -->\n)[\s\S]*?(<!-- \/bench -->)/

/** A document with this text between its markers. */
export function inserted(document: string, markdown: string): string {
  check(MARKED.test(document), 'document: has no <!-- bench --> … <!-- /bench -->')
  return document.replace(MARKED, (_, before: string, after: string) => `${before}\n${markdown}\n\n${after}`)
}

export async function writeTables(): Promise<void> {
  for (const { file, markdown } of await documents()) {
    const path = new URL(`../../${file}`, import.meta.url)
    const text = await readFile(path, 'utf8')
    const next = inserted(text, markdown)
    if (next !== text) await writeFile(path, next)
    console.log(`${next === text ? 'as it was' : 'wrote'} ${file}`)
  }
}
