// radiograd demo: the whole way from image files to a tested classifier, on generated pictures that come with the
// program.
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type SettingTable, type SettingsOf, parseSettings } from '../app/settings.js'
import { MACHINE_SETTINGS, TRAIN_SETTINGS } from '../app/settingTables.js'
import { writeSyntheticDataset } from '../data/synthetic.node.js'
import { cacheFolder } from '../util/cache.node.js'
import { RadiogradError } from '../util/check.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { train } from './train.js'

/** Small enough for well under a minute on two quiet cores without a GPU. */
const DATA = { train: 240, test: 60, size: 64, seed: 0 }
/** Where the demonstration differs from the defaults of `train`. */
const SETTINGS = { epochs: 3, lr: 1e-3, schedule: 'cosine', imageSize: 32 } as const

const OUT = 'runs/demo'
const TABLE = {
  out: { ...TRAIN_SETTINGS.out, default: OUT },
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
  const out = writable(settings.out)
  const data = join(cacheFolder(), `radiographs-${Object.values(DATA).join('-')}`)
  if (!existsSync(data)) {
    report.say(`images    writing ${DATA.train} to train on and ${DATA.test} to test on to ${data}`)
    await generate(data, report.counter('images   ', DATA.train + DATA.test))
  }
  await train(parseSettings(TRAIN_SETTINGS, { ...SETTINGS, ...settings, out, data }), report)
  report.say(
    `look      npx radiograd predict ${join(data, 'test/PNEUMONIA')}/*.png --checkpoint ${out}/best.safetensors`,
  )
  report.say(
    'next      npx radiograd train --data FOLDER, with a folder of images per class in FOLDER/train and FOLDER/test',
  )
}

/** The folder asked for; where nothing was asked for and this folder is read-only, one in the user's cache. */
function writable(out: string): string {
  if (out !== OUT) return out
  try {
    accessSync('.', constants.W_OK)
    return out
  } catch {
    return join(cacheFolder(), OUT)
  }
}

/** All of the data set or nothing: written beside its place and renamed. */
async function generate(data: string, onPicture: (written: number) => void): Promise<void> {
  let work = ''
  try {
    mkdirSync(cacheFolder(), { recursive: true })
    work = mkdtempSync(`${data}-`)
    await writeSyntheticDataset(work, DATA, onPicture)
    renameSync(work, data)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const rule = 'must be a folder that can be written (XDG_CACHE_HOME chooses another)'
    throw new RadiogradError(`${data}: ${rule}, got ${code ?? message}`)
  } finally {
    if (work) rmSync(work, { recursive: true, force: true })
  }
}
