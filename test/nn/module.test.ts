// Module: names of the modules below, and forward wrapped for a look inside.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, type Tensor, init, models, nn, tensor } from '../../src/index.js'
import { refused } from '../errors.js'

const engine = await init()
const test = suite(`module (${engine.adapterKind})`)
test.after(() => engine.dispose())

const model = models.vit({ imageSize: 8, patchSize: 4, dim: 16, depth: 2, heads: 2, numClasses: 2 }).eval()

test('modules have PyTorch names', () => {
  const names = [...model.namedModules()].map(([name]) => name)
  assert.is(names[0], '')
  for (const name of ['patch_embed.proj', 'blocks.1', 'blocks.0.attn.qkv', 'blocks.1.mlp.fc2', 'norm', 'head'])
    assert.ok(names.includes(name), name)
  assert.is(names.length, [...model.modules()].length)
})

test('a wrapped forward sees and may change input and output, the innermost wrapped first, until it is taken off', async () => {
  const x = tensor(
    Float32Array.from({ length: 192 }, (_, i) => Math.sin(i)),
    [1, 8, 8, 3],
  )
  const logits = async () => [...(await (await engine.step(() => model.forward(x))).data())]
  const before = await logits()
  const shapes: number[][] = []
  const off = model.head.wrapForward<Tensor, Tensor>((input, forward) => {
    shapes.push([...input.shape])
    return F.mul(forward(input), 2)
  })
  const offToo = model.head.wrapForward<Tensor, Tensor>((input, forward) => F.add(forward(input), 1))
  assert.equal(
    await logits(),
    before.map((v) => Math.fround(Math.fround(2 * v) + 1)),
  )
  assert.equal(shapes, [[1, 16]])
  offToo()
  assert.equal(
    await logits(),
    before.map((v) => 2 * v),
  )
  off()
  assert.equal(await logits(), before)
  assert.not.ok(Object.hasOwn(model.head, 'forward'))
})

test('GroupNorm starts as the plain normalisation, applies weight and bias, and refuses groups that do not fit', async () => {
  const x = tensor(
    Float32Array.from({ length: 48 }, (_, i) => Math.sin(i * i)),
    [2, 4, 6],
  )
  const norm = new nn.GroupNorm(3, 6, 1e-3)
  assert.equal([...(await norm.stateDict()).keys()], ['weight', 'bias'])
  const plain = [...(await F.groupNorm(x, 3, null, null, { eps: 1e-3 }).data())]
  assert.equal([...(await norm.forward(x).data())], plain)
  nn.init.zeros(norm.weight)
  nn.init.ones(norm.bias)
  assert.equal([...(await norm.forward(x).data())], new Array(48).fill(1))
  const rule = 'numGroups must be a positive divisor of the 6 channels, got 4'
  refused(() => new nn.GroupNorm(4, 6), `GroupNorm: ${rule}`)
  refused(() => F.groupNorm(x, 4), `groupNorm: ${rule}`)
  refused(() => F.groupNorm(tensor([1, 2]), 1), 'groupNorm: x must be [N, ..., C], got [2]')
  refused(() => F.groupNorm(x, 3, tensor([1, 2])), 'groupNorm: weight must have shape [6], got [2]')
  refused(
    () => F.groupNorm(tensor([[1, 2]]), 2),
    'groupNorm: needs more than one value per group, got x [1, 2] in 2 groups',
  )
})

test.run()
