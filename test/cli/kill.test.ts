// Runs killed at random moments, again and again, end with the bytes of a run that nobody killed.
// RADIOGRAD_KILLS=30 kills each kind of run so often in one chain, once when not given, and tries more kinds.
import * as assert from 'uvu/assert'
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { writeSyntheticDataset } from '../../src/data/synthetic.node.js'
import { init } from '../../src/index.js'
import { radiograd, scratch } from './command.js'

const test = suite('killed')
const dir = scratch()
const kills = Number(process.env.RADIOGRAD_KILLS ?? 1)
await writeSyntheticDataset(join(dir, 'data'), { train: kills > 1 ? 26 : 16, test: 8, size: 32 })
const engine = await init()
const half = engine.features.has('shader-f16') ? 'f16' : 'f32'
engine.dispose()

const epochs = kills > 1 ? 6 : 3
const COMMON = `--image-size 32 --batch-size 4 --epochs ${epochs} --val-split 0.2 --save-every ${kills > 1 ? 0.001 : 0.01}`
const KINDS: Record<string, string> = {
  'resnet, f16, accumulation, cosine': `--lr 1e-3 --schedule cosine --precision ${half} --grad-accumulation 2 --optimizer sgd`,
}
if (kills > 1) {
  Object.assign(KINDS, {
    'vit, f32, constant': '--model vit-ti16 --lr 1e-4 --optimizer adamw --trainable last-stage',
    'resnet, f32, constant': '--lr 1e-3 --freeze-batch-norm --trainable layer4,fc --patience 3',
    'resnet, f32, cosine': '--lr 1e-3 --val-split 0 --balance none --augment none --batch-size 8 --schedule cosine',
    'resnet, f32, strong': '--lr 1e-3 --augment strong --grad-accumulation 2',
    'vit, f16, accumulation, cosine': `--model vit-ti16 --lr 1e-3 --precision ${half} --schedule cosine --limit 13 --grad-accumulation 2`,
    'vit, f16, constant': `--model vit-ti16 --lr 1e-4 --precision ${half} --checkpoint-activations`,
  })
}

const FILES = ['MODEL_CARD.md', 'best.safetensors', 'history.csv', 'metrics.json', 'predictions.csv', 'run.json']
/** Without seconds and images a second. */
const history = (out: string) =>
  readFileSync(join(out, 'history.csv'), 'utf8').replace(/^((?:[^,\n]*,){6})[^,\n]*,[^,\n]*/gm, '$1')

for (const [name, flags] of Object.entries(KINDS)) {
  test(`${name}, ${kills} times`, async () => {
    const [whole, killed] = ['whole', 'killed'].map((kind) => join(dir, `${name} ${kind}`))
    const settings = `${COMMON} ${flags}`.split(' ')
    const command = (out: string) => ['train', '--data', join(dir, 'data'), ...settings, '--out', out]
    const start = performance.now()
    let begun = start
    const first = await radiograd(command(whole), { when: /epoch 1\//, then: () => (begun = performance.now()) })
    assert.is(first.code, 0, first.stderr)
    const epoch = (performance.now() - begun) / (epochs - 1)
    const [starting, working] = [Math.max(begun - epoch - start, (begun - start) / 2), epochs * epoch]

    const moments: string[] = []
    for (let done = 0, ended = false; done < kills || !ended;) {
      const saved = existsSync(killed) && readdirSync(killed).some((file) => file.startsWith('state-'))
      const args = saved ? ['train', '--resume', killed] : command(killed)
      const most = starting + working * Math.min(0.9, 3 / kills) // so that a chain has its kills before its end
      const moment = done < kills ? Math.random() * most : Infinity
      const { code, stderr } = await radiograd(args, { killAfter: moment })
      moments.push(`${Math.round(moment)} ms${saved ? ' of going on' : ''}`)
      if (code === null) {
        done++
        continue
      }
      assert.is(code, 0, `${moments.at(-1)}: ${stderr}`)
      assert.equal(readdirSync(killed).sort(), FILES)
      for (const file of ['best.safetensors', 'metrics.json'])
        assert.ok(readFileSync(join(killed, file)).equals(readFileSync(join(whole, file))), `${file}: ${moments}`)
      assert.is(history(killed), history(whole))
      ended = true
      if (done < kills) {
        rmSync(killed, { recursive: true }) // it was faster than the kill: once more
        ended = false
        moments.push('at the end')
      }
    }
    console.log(`${name}: ${moments.join(', ')}; ${Math.round(starting)} ms to start, ${Math.round(working)} to train`)
  })
}

test.run()
