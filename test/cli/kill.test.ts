// Runs killed at random moments, again and again, end with the bytes of a run that nobody killed.
// RADIOGRAD_KILLS=10 kills each kind of run so often, once when not given, and tries more kinds.
import * as assert from 'uvu/assert'
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { writeSyntheticDataset } from '../../src/data/synthetic.node.js'
import { init } from '../../src/index.js'
import { radiograd, scratch } from './command.js'

const test = suite('killed')
const dir = scratch()
await writeSyntheticDataset(join(dir, 'data'), { train: 26, test: 8, size: 32 })
const engine = await init()
const half = engine.features.has('shader-f16') ? 'f16' : 'f32'
engine.dispose()

const kills = Number(process.env.RADIOGRAD_KILLS ?? 1)
const COMMON = [
  '--image-size',
  '32',
  '--batch-size',
  '4',
  '--epochs',
  '3',
  '--val-split',
  '0.2',
  '--save-every',
  '0.01',
]
const KINDS: Record<string, string[]> = {
  resnet: [
    '--lr',
    '1e-3',
    '--schedule',
    'cosine',
    '--precision',
    half,
    '--grad-accumulation',
    '2',
    '--optimizer',
    'sgd',
  ],
  vit: ['--model', 'vit-ti16', '--lr', '1e-4', '--optimizer', 'adamw', '--trainable', 'last-stage'],
}
if (kills > 1) {
  Object.assign(KINDS, {
    adam: ['--lr', '1e-3', '--freeze-batch-norm', '--trainable', 'layer4,fc', '--patience', '1'],
    'vit f16': ['--model', 'vit-ti16', '--lr', '1e-3', '--precision', half, '--schedule', 'cosine', '--limit', '13'],
    unsteered: ['--lr', '1e-3', '--val-split', '0', '--no-class-weights', '--augment', 'none', '--batch-size', '8'],
  })
}

const FILES = ['MODEL_CARD.md', 'best.safetensors', 'history.csv', 'metrics.json', 'predictions.csv', 'run.json']
/** Without seconds and images a second. */
const history = (out: string) =>
  readFileSync(join(out, 'history.csv'), 'utf8').replace(/^((?:[^,\n]*,){6})[^,\n]*,[^,\n]*/gm, '$1')

for (const [name, flags] of Object.entries(KINDS)) {
  test(`${name}, ${kills} times`, async () => {
    const [whole, killed] = ['whole', 'killed'].map((kind) => join(dir, `${name} ${kind}`))
    const command = (out: string) => ['train', '--data', join(dir, 'data'), ...COMMON, ...flags, '--out', out]
    const start = performance.now()
    const first = await radiograd(command(whole))
    assert.is(first.code, 0, first.stderr)
    const duration = performance.now() - start

    const moments: string[] = []
    for (let done = 0; done < kills || !existsSync(join(killed, 'metrics.json'));) {
      const begun = existsSync(killed) && readdirSync(killed).some((file) => file.startsWith('state-'))
      const args = begun ? ['train', '--resume', killed] : command(killed)
      const moment = done < kills ? Math.random() * 0.9 * duration : Infinity
      const { code, stderr } = await radiograd(args, { killAfter: moment })
      moments.push(`${Math.round(moment)} ms${begun ? ' of going on' : ''}`)
      if (code === null) done++
      else assert.is(code, 0, `${moments.at(-1)}: ${stderr}`)
      if (code === 0 && done < kills) rmSync(killed, { recursive: true }) // it was faster than the kill: once more
    }
    console.log(`${name}: ${moments.join(', ')} of ${Math.round(duration)}`)
    assert.equal(readdirSync(killed).sort(), FILES)
    for (const file of ['best.safetensors', 'metrics.json'])
      assert.ok(readFileSync(join(killed, file)).equals(readFileSync(join(whole, file))), `${file}: ${moments}`)
    assert.is(history(killed), history(whole))
  })
}

test.run()
