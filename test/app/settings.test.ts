// The tables of settings: what fits, what is refused and how, and that the flags of the command line are these.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { Command, CommanderError } from 'commander'
import { type Setting, fits, fromText, parseSettings, ruleOf } from '../../src/app/settings.js'
import { EVALUATE_SETTINGS, TRAIN_SETTINGS, type TrainSettings } from '../../src/app/settingTables.js'
import { TABLES, flagOf, withSettings } from '../../src/cli/options.js'
import { radiograd } from '../cli/command.js'

const test = suite('settings')

test('a table is plain data, and a settings object survives JSON', () => {
  assert.equal(JSON.parse(JSON.stringify(TRAIN_SETTINGS)), TRAIN_SETTINGS)
  const settings: TrainSettings = parseSettings(TRAIN_SETTINGS, { data: 'x', trainable: ['fc'], weightDecay: 0 })
  assert.equal(parseSettings(TRAIN_SETTINGS, JSON.parse(JSON.stringify(settings))), settings)
  assert.equal([settings.epochs, settings.lr, settings.tune, settings.limit], [20, 1e-5, true, undefined])
})

test('every default fits its own row', () => {
  for (const table of [TRAIN_SETTINGS, EVALUATE_SETTINGS]) {
    for (const [name, row] of Object.entries(table)) if ('default' in row) assert.ok(fits(row, row.default), name)
  }
})

test('what does not fit is one line that names the setting', () => {
  const refused = (given: unknown, message: string) => {
    let said = ''
    try {
      parseSettings(TRAIN_SETTINGS, given)
    } catch (error) {
      said = (error as Error).message
    }
    assert.is(said, message)
  }
  const data = 'x'
  refused({ data, batchSize: 0 }, 'batchSize: must be a whole number from 1 to 4096, got 0')
  refused({ data, batchSize: '16' }, 'batchSize: must be a whole number from 1 to 4096, got "16"')
  refused({ data, lr: 0 }, 'lr: must be a number above 0, got 0')
  refused({ data, lr: NaN }, 'lr: must be a number above 0, got null')
  refused({ data, valSplit: 1 }, 'valSplit: must be a number of 0 or more and below 1, got 1')
  refused({ data, precision: 'f64' }, 'precision: must be one of f32, f16, got "f64"')
  refused({ data, tune: 'no' }, 'tune: must be true or false, got "no"')
  for (const [name, value, rule] of [
    ['balance', 'all', 'one of weights, oversample, none'],
    ['mixup', -1, 'a number of 0 or more and at most 100'],
    ['cutmix', 101, 'a number of 0 or more and at most 100'],
    ['labelSmoothing', 1, 'a number of 0 or more and below 1'],
    ['schedule', 'step', 'one of constant, cosine, one-cycle, plateau'],
    ['warmup', -1, 'a number of 0 or more'],
    ['plateauPatience', 0.5, 'a whole number from 0 to 2147483647'],
    ['layerDecay', 0, 'a number above 0 and at most 1'],
    ['normDecay', 'no', 'true or false'],
    ['clipGrad', 0, 'a number above 0'],
    ['ema', 1, 'a number above 0 and below 1'],
  ])
    refused({ data, [name]: value }, `${name}: must be ${rule}, got ${JSON.stringify(value)}`)
  refused({ data, trainable: [] }, 'trainable: must be names with commas between them, got []')
  refused({}, 'data: must be given, got nothing')
  refused([], 'settings: must be an object, got []')
  refused(null, 'settings: must be an object, got null')
  assert.throws(() => parseSettings(TRAIN_SETTINGS, { data, colour: 1 }), /^settings: must be data, .*, got "colour"$/)
  assert.throws(() => parseSettings(TRAIN_SETTINGS, { data, constructor: 1 }), /got "constructor"$/)
  assert.throws(() => parseSettings(TRAIN_SETTINGS, JSON.parse('{"__proto__": {"data": "x"}}')), /got "__proto__"$/)
})

/** Texts that are no value of a setting, whatever its range; none for a switch, which takes no value. */
function wrongTexts(row: Setting): string[] {
  const numbers = ['', 'x', 'NaN', 'Infinity', '-1', '0', '1', '1.5', '1e10']
  const texts = { whole: numbers, number: numbers, wholes: [...numbers, '1,,2'], choice: ['', 'nosuch'] }
  const others = {
    names: ['', ',', 'a,,b'],
    augment: ['nosuch', 'flip=2', 'rotate=x'],
    text: ['', 'nosuch'],
    switch: [],
  }
  return { ...texts, ...others }[row.kind].filter((text) => fromText(row, text) === undefined)
}

test('every flag of every command refuses what is no value of it: a usage error in one line that names it', () => {
  let count = 0
  for (const [name, table] of Object.entries(TABLES)) {
    for (const [setting, row] of Object.entries(table)) {
      const wrong = wrongTexts(row)
      assert.ok(wrong.length > 0 || row.kind === 'switch', `${name} ${setting}`)
      for (const text of wrong) {
        const said: string[] = []
        const command = new Command(name).exitOverride().configureOutput({ writeErr: (line) => said.push(line) })
        const parse = () => withSettings(command, { [setting]: row }).parse([flagOf(setting), text], { from: 'user' })
        assert.throws(parse, (error: unknown) => error instanceof CommanderError && error.exitCode === 1, setting)
        assert.is(said.length, 1)
        assert.match(
          said[0],
          new RegExp(`^error: option '${flagOf(setting)} <.*>' argument '${text}' is invalid\\. .*\n$`),
        )
        count++
      }
    }
  }
  assert.ok(count > 200, String(count))
})

test('typed text', () => {
  const { batchSize, lr, precision, trainable, tune } = TRAIN_SETTINGS
  assert.equal(
    ['16', '1.5', '-1', '', '1e3', '0x10', '5000'].map((text) => fromText(batchSize, text)),
    [16, undefined, undefined, undefined, undefined, undefined, undefined],
  )
  assert.equal(
    ['1e-3', ' ', '0', 'x', 'Infinity'].map((text) => fromText(lr, text)),
    [1e-3, undefined, undefined, undefined, undefined],
  )
  assert.equal([fromText(precision, 'f16'), fromText(precision, 'f8')], ['f16', undefined])
  assert.equal([fromText(trainable, 'layer4, fc'), fromText(trainable, 'a,,b')], [['layer4', 'fc'], undefined])
  assert.equal([fromText(tune, 'true'), fromText(tune, 'yes'), ruleOf(tune)], [true, undefined, 'true or false'])
})

test('the flags of train are the rows of the table', async () => {
  const { stdout } = await radiograd(['train', '--help'])
  const flags = [...stdout.matchAll(/^  (--[\w-]+)/gm)].map(([, flag]) => flag)
  const rows = Object.entries(TRAIN_SETTINGS).map(([name, row]) =>
    row.kind === 'switch' && row.default ? flagOf(name).replace('--', '--no-') : flagOf(name),
  )
  assert.equal(flags, [...rows, '--json', '--resume'])
})

test.run()
