// radiograd demo: the whole way from image files to a tested classifier, on generated pictures that come with the
// program.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { writeSyntheticDataset } from '../data/synthetic.node.js'
import { cacheFolder } from '../util/cache.node.js'
import { RadiogradError } from '../util/check.js'
import { type DecodingOptions, withDecoding } from './options.js'
import { Report } from './report.js'
import { train } from './train.js'

const DATA = { train: 480, test: 120, size: 64, seed: 0 }
const SETTINGS = {
  model: 'resnet18',
  epochs: 5,
  batchSize: 16,
  lr: 1e-3,
  schedule: 'cosine',
  precision: 'f32',
  optimizer: 'adam',
  imageSize: 32,
  seed: 0,
  valSplit: 0.1,
  patience: 10,
  classWeights: true,
  augment: true,
  freezeBatchNorm: false,
  gradAccumulation: 1,
  checkpointActivations: false,
  dryRun: false,
} as const

interface DemoOptions extends DecodingOptions {
  out: string
}

export function demoCommand(program: Command): void {
  const command = program
    .command('demo')
    .description('train ResNet18 from random values on a small set of generated radiograph-like images, in minutes')
    .option('--out <dir>', 'folder for best.safetensors, history.csv, metrics.json and run.json', 'runs/demo')
  withDecoding(command).action((options: DemoOptions) => demo(options))
}

async function demo(options: DemoOptions): Promise<void> {
  const data = join(cacheFolder(), `radiographs-${Object.values(DATA).join('-')}`)
  if (!existsSync(data)) {
    new Report(options.json).say(`images    writing ${DATA.train} to train on and ${DATA.test} to test on to ${data}`)
    await generate(data)
  }
  await train({ ...SETTINGS, ...options, data })
}

/** All of the data set or nothing: written beside its place and renamed. */
async function generate(data: string): Promise<void> {
  let work = ''
  try {
    mkdirSync(cacheFolder(), { recursive: true })
    work = mkdtempSync(`${data}-`)
    await writeSyntheticDataset(work, DATA)
    renameSync(work, data)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const rule = 'must be a folder that can be written (XDG_CACHE_HOME chooses another)'
    throw new RadiogradError(`${data}: ${rule}, got ${code ?? message}`)
  } finally {
    if (work) rmSync(work, { recursive: true, force: true })
  }
}
