// An option that nobody knows is refused wherever options are taken: a misspelt one would silently leave the default.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DataLoader, DecodePool, ImageFolder, init, models, nn, syntheticFiles, transforms } from '../../src/index.js'

const test = suite('options')
const engine = await init({ dryRun: true })
test.after(() => engine.dispose())

test('unknown options are refused by name', () => {
  const block = { dim: 8, heads: 1, mlpDim: 8, eps: 1e-6, dropout: 0, attentionDropout: 0, dropPath: 0 }
  const transform = transforms.compose([transforms.ToTensor()])
  const dataset = { samples: [{ path: 'a', file: 'a', label: 0 }], classes: ['A', 'B'], transform }
  const calls: [string, (options: object) => unknown][] = [
    ['resnet', (o) => models.resnet18(o)],
    ['convnext', (o) => models.convnextTiny(o)],
    ['vit', (o) => models.vitTiny(o)],
    ['createModel', (o) => models.createModel('resnet18', { numClasses: 2, imageSize: 32, ...o })],
    ['TransformerBlock', (o) => new nn.TransformerBlock({ ...block, ...o })],
    ['DataLoader', (o) => new DataLoader(dataset, o)],
    ['DecodePool', (o) => new DecodePool(1, o)],
    ['ImageFolder', (o) => new ImageFolder([], { transform, ...o })],
    ['synthetic', (o) => syntheticFiles(o).next()],
  ]
  for (const [name, call] of calls)
    assert.throws(() => call({ num_classes: 2 }), new RegExp(`^${name}: unknown option 'num_classes', `))
})

test('a transformer block needs all of its numbers', () => {
  assert.throws(
    () => new nn.TransformerBlock({ dim: 8, heads: 1, mlpDim: 8 } as nn.TransformerBlockOptions),
    /TransformerBlock: eps must be a number, got undefined/,
  )
})

test.run()
