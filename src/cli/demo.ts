// radiograd demo: the whole way from image files to a tested classifier, on generated pictures that come with the
// program.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { MACHINE_SETTINGS, type SettingTable, type SettingsOf, TRAIN_SETTINGS, parseSettings } from '../app/settings.js'
import { writeSyntheticDataset } from '../data/synthetic.node.js'
import { cacheFolder } from '../util/cache.node.js'
import { RadiogradError } from '../util/check.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { train } from './train.js'

const DATA = { train: 480, test: 120, size: 64, seed: 0 }
/** Where the demonstration differs from the defaults of `train`. */
const SETTINGS = { epochs: 5, lr: 1e-3, schedule: 'cosine', imageSize: 32 } as const

const TABLE = {
  out: { ...TRAIN_SETTINGS.out, default: 'runs/demo' },
  ...MACHINE_SETTINGS,
} as const satisfies SettingTable

type DemoOptions = SettingsOf<typeof TABLE> & OutputOptions

export function demoCommand(program: Command): void {
  const command = program
    .command('demo')
    .description('train ResNet18 from random values on a small set of generated radiograph-like images, in minutes')
  withJson(withSettings(command, TABLE)).action((options: DemoOptions) => demo(options))
}

async function demo({ json, ...settings }: DemoOptions): Promise<void> {
  const report = new Report(json)
  const data = join(cacheFolder(), `radiographs-${Object.values(DATA).join('-')}`)
  if (!existsSync(data)) {
    report.say(`images    writing ${DATA.train} to train on and ${DATA.test} to test on to ${data}`)
    await generate(data)
  }
  await train(parseSettings(TRAIN_SETTINGS, { ...SETTINGS, ...settings, data }), report)
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
