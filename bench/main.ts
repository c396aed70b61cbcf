// npm run bench -- [words] [--profile MODEL | --cold MODEL | --peers | --pytorch | --choices | --ship | --all | --table |
// --estimate CHIP]: see --help.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { withoutLimitWarnings } from '../src/cli/driverWarnings.js'
import { askWithin } from '../src/gpu/device.node.js'
import { init } from '../src/index.js'
import { RadiogradError } from '../src/util/check.js'
import { runAll } from './all.js'
import { measureChoices, ship } from './choices.js'
import { EMPTY_CACHE, coldStart, coldTable, compileTable, compileTimes } from './cold.js'
import { CHIPS, runEstimate } from './estimate.js'
import { peerNames, runPeers } from './peers.js'
import { profile, profileTable } from './profile.js'
import { runPytorch } from './pytorch.js'
import { Log, print } from './stats.js'
import { type ModelName, build, modelNames, representative } from './steps.js'
import { writeTables } from './table.js'
import { anyChosen, anyStep, chosenSteps, runWhole } from './whole.js'

interface Options {
  profile?: ModelName
  cold?: ModelName
  peers?: boolean
  pytorch?: boolean
  choices?: boolean
  ship?: boolean
  all?: boolean
  table?: boolean
  estimate?: string
  lab?: string
  minutes: number
}

function minutes(text: string): number {
  if (Number(text) > 0) return Number(text)
  throw new InvalidArgumentError('It must be a number above 0.')
}

const program = new Command('bench')
  .description('Measures every kernel and whole steps, and writes bench/results/<adapter>.json when run without words.')
  .argument('[words...]', 'only rows whose name holds every word')
  .addOption(new Option('--profile <model>', "a training step's time by kernel").choices(modelNames))
  .addOption(
    new Option(
      '--cold <model>',
      'the first training step on an empty driver cache, and compile time by kernel',
    ).choices(modelNames),
  )
  .option(
    '--peers',
    'TensorFlow.js and jax-js on the same adapter, in turns with ours (installs them into bench/peers); with words only ' +
      'these rows of bench/results are replaced',
  )
  .option('--pytorch', 'PyTorch where Python has it, on CUDA or the CPU')
  .option(
    '--choices',
    'measures all implementations of products and convolutions in the steps named; without words writes the fastest',
  )
  .option('--ship', 'makes the choices the package ships, src/tune/shipped.ts, from bench/results')
  .option('--all', 'everything for a machine with a GPU and no network, within --minutes')
  .option('--table', 'rewrites the tables of docs/benchmarks.md and README.md from bench/results')
  .addOption(
    new Option('--estimate <chip>', "what a GPU's compiler makes of training steps; needs a lab").choices([
      ...CHIPS,
      'all',
    ]),
  )
  .option('--lab <folder>', 'the lab, by default the folder that GPU_LAB names')
  .option('--minutes <n>', 'time for --all', minutes, 8)
  .exitOverride()
  .showSuggestionAfterError(false)
  .configureOutput({
    outputError: (text, write) =>
      write(
        `bench: ${text
          .trim()
          .replace(/^error: /, '')
          .replace(/\s*\n\s*/g, ' ')}\n`,
      ),
  })

async function run(words: string[], options: Options): Promise<void> {
  const modes = (
    ['profile', 'cold', 'peers', 'pytorch', 'choices', 'ship', 'all', 'table', 'estimate'] as const
  ).filter((mode) => options[mode])
  if (modes.length > 1) program.error(`--${modes[0]} and --${modes[1]} are two things; ask for one`)
  const [mode] = modes
  if (words.length && mode && !['peers', 'pytorch', 'choices'].includes(mode))
    program.error(`--${mode} takes no words, got '${words.join(' ')}'`)
  const known =
    mode === 'peers' || mode === 'pytorch'
      ? words.every((word) => peerNames.some((name) => name.includes(word)))
      : mode === 'choices'
        ? anyStep(words)
        : anyChosen(words)
  if (!known) program.error(`nothing is called '${words.join(' ')}'`)
  switch (mode) {
    case 'profile':
      return print(profileTable(await profile(representative(options.profile!, await onSoftware()))))
    case 'cold':
      return cold(options.cold!)
    case 'peers':
      return runPeers(words)
    case 'pytorch':
      return runPytorch({ words })
    case 'choices':
      return choices(words)
    case 'ship':
      return ship()
    case 'all':
      return runAll(options.minutes)
    case 'table':
      return writeTables()
    case 'estimate':
      return runEstimate(options.estimate!, options.lab)
    default: {
      const log = new Log()
      await runWhole({ words, log })
      log.report()
    }
  }
}

async function onSoftware(): Promise<boolean> {
  const engine = await init()
  engine.dispose()
  return engine.isSoftware
}

async function choices(words: readonly string[]): Promise<void> {
  const log = new Log()
  const engine = await init({ tune: false }) // reads and keeps nothing of this machine's own choices
  await measureChoices(engine, chosenSteps(words, engine), { log, keep: !words.length })
  log.report()
}

async function cold(model: ModelName): Promise<void> {
  Object.assign(process.env, EMPTY_CACHE) // read by the driver when it is loaded
  const engine = await init({ tune: false })
  const rows = await compileTimes(build(representative(model, true)))
  engine.dispose()
  print(compileTable(rows))
  print(coldTable([await coldStart(representative(model, true))]))
}

askWithin(withoutLimitWarnings)

try {
  program.parse()
  await run(program.args, program.opts<Options>())
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.exitCode = 1
    console.error(`bench: ${error instanceof RadiogradError ? error.message : (error as Error).stack}`)
  }
}
