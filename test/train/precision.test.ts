// Training in mixed precision: losses follow those of f32, memory shrinks, the loop and the command line offer it and
// refuse it where it cannot be.
import * as assert from 'uvu/assert'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import { F, type Tensor, autocast, init, models, nn, optim, tensor } from '../../src/index.js'
import { gpu } from '../../src/gpu/gpu.js'
import { writeSyntheticDataset } from '../../src/data/synthetic.node.js'
import { radiograd, scratch } from '../cli/command.js'
import { families, within } from '../ops/families.js'

let engine = await init({ seed: 3, tune: false })
const test = suite(`mixed precision (${engine.adapterKind})`)

/** Few tokens: kernels for many rows take seconds to compile. */
const vit = { imageSize: 16, patchSize: 8, dim: 64, depth: 3, heads: 2, numClasses: 2, dropPath: 0.2 }
const image = (batch: number, size: number) => {
  const values = new Float32Array(batch * size * size * 3)
  return tensor(gpu.dry ? values : values.map((_, i) => Math.sin(i * 1.7) + Math.cos(i * i * 0.01)), [
    batch,
    size,
    size,
    3,
  ])
}
const labels = (batch: number) => tensor(Int32Array.from({ length: batch }, (_, i) => [0, 1, 1, 0, 1][i % 5]))

/** A captured training step on one batch. */
function trainStep(
  model: nn.Module & { forward(x: Tensor): Tensor },
  x: Tensor,
  y: Tensor,
  half: boolean,
  scaler = new optim.GradScaler(),
) {
  const adam = new optim.Adam(
    model.parameters().filter((p) => p.requiresGrad),
    { lr: 1e-4 },
  )
  return engine.capture(() => {
    adam.zeroGrad()
    const loss = F.crossEntropy(
      autocast(() => model.forward(x), { enabled: half }),
      y,
    )
    if (half) {
      scaler.scale(loss).backward()
      scaler.step(adam)
      scaler.update()
    } else {
      loss.backward()
      adam.step()
    }
    return loss
  })
}

/** The same fresh weights and random numbers each time. */
async function losses(
  build: () => nn.Module & { forward(x: Tensor): Tensor },
  batch: number,
  size: number,
  half: boolean,
): Promise<number[]> {
  const { subgroupSize } = gpu.caps
  engine.dispose()
  engine = await init({ seed: 3, tune: false })
  gpu.caps.subgroupSize = subgroupSize
  const scaler = new optim.GradScaler({ initScale: 4096 })
  const step = trainStep(build(), image(batch, size), labels(batch), half, scaler)
  const values: number[] = []
  for (let i = 0; i < 5; i++) values.push(await (await step()).item())
  if (half) assert.equal(await scaler.stateDict(), { scale: 4096, growthTracker: 5, skipped: 0 })
  return values
}

if (gpu.caps.f16) {
  for (const [name, build, batch, size] of [
    ['ViT', () => models.vit(vit), 1, 16],
    [
      'ResNet18, layer4 and above',
      () => models.resnet18({ numClasses: 2 }).freeze((n) => !/^(layer4|fc)\./.test(n)),
      4,
      64,
    ],
  ] as const) {
    // One workgroup a tile takes a minute for ResNet18 on a CPU; its kernels are compared one by one in
    // ops/half.test.ts.
    for (const family of name === 'ViT' ? families() : families().slice(0, 1)) {
      test(`five steps of ${name} follow those in f32, ${family} kernels`, () =>
        within(family, async () => {
          const [whole, half] = [await losses(build, batch, size, false), await losses(build, batch, size, true)]
          console.log(
            `${name} ${family}: ${whole.map((v) => v.toFixed(4))} and in f16 ${half.map((v) => v.toFixed(4))}`,
          )
          half.forEach((v, i) => assert.ok(Math.abs(v - whole[i]) < 1e-2, `step ${i + 1}: ${v} and ${whole[i]}`))
          assert.ok(whole[4] < whole[0])
          assert.not.equal(half, whole)
        }))
    }
  }

  test('activations take little more than half the memory', async () => {
    engine.dispose()
    const planned = async (build: () => nn.Module & { forward(x: Tensor): Tensor }, batch: number, half: boolean) => {
      engine = await init({ dryRun: true })
      await trainStep(build(), image(batch, 224), labels(batch), half).prepare()
      const { planned } = engine.memory()
      engine.dispose()
      return planned
    }
    for (const [name, build] of [
      ['ResNet18', () => models.resnet18({ numClasses: 2 })],
      ['ViT-Ti', () => models.vitTiny({ numClasses: 2 })],
    ] as const) {
      const share = (await planned(build, 16, true)) / (await planned(build, 16, false))
      console.log(`${name}, batch 16 at 224 px: ${(100 * share).toFixed(0)} % of the memory that f32 takes`)
      // More than half: weights, gradients, moments and the workspace of Winograd's transforms stay f32.
      assert.ok(share < 0.65, `${name}: ${share}`)
    }
    engine = await init({ seed: 3 })
  })

  test('by command line: trains, says so in run.json, and leaves an f32 checkpoint that evaluates to the metrics written', async () => {
    const dir = scratch()
    await writeSyntheticDataset(join(dir, 'data'), { train: 12, test: 6, size: 32 })
    const settings = [
      '--image-size',
      '32',
      '--batch-size',
      '8',
      '--epochs',
      '1',
      '--lr',
      '1e-3',
      '--val-split',
      '0.2',
      '--trainable',
      'fc',
      '--limit',
      '8',
      '--grad-accumulation',
      '2',
    ]
    const { code, stderr, stdout } = await radiograd([
      'train',
      '--data',
      join(dir, 'data'),
      ...settings,
      '--precision',
      'f16',
      '--out',
      join(dir, 'out'),
    ])
    assert.is(code, 0, stderr)
    assert.match(stdout, /^training  .* batch 8, f16$/m)
    const {
      settings: { precision },
      lossScaling: { scale, skipped },
    } = JSON.parse(readFileSync(join(dir, 'out/run.json'), 'utf8'))
    assert.is(precision, 'f16')
    assert.is(scale, 65536 / 2 ** skipped)
    const checkpoint = readFileSync(join(dir, 'out/best.safetensors'))
    assert.not.match(checkpoint.subarray(8, 8 + Number(checkpoint.readBigUInt64LE(0))).toString(), '"F16"')
    const evaluated = await radiograd([
      'eval',
      '--data',
      join(dir, 'data'),
      '--checkpoint',
      join(dir, 'out/best.safetensors'),
      '--json',
    ])
    assert.equal(JSON.parse(evaluated.stdout), JSON.parse(readFileSync(join(dir, 'out/metrics.json'), 'utf8')))
  })
} else console.log('skip: this adapter has no shader-f16')

test('where the adapter cannot, one line names flag, rule and adapter', async () => {
  const dir = scratch()
  await writeSyntheticDataset(join(dir, 'data'), { train: 8, test: 4, size: 32 })
  const { code, stderr } = await radiograd(
    ['train', '--data', join(dir, 'data'), '--precision', 'f16', '--out', join(dir, 'out')],
    { env: { RADIOGRAD_ADAPTER: 'swiftshader' } },
  )
  if (/found no swiftshader/.test(stderr)) return console.log('skip: no adapter without shader-f16 is installed')
  assert.is(code, 2)
  assert.match(
    stderr,
    /^radiograd: --precision: f16 needs an adapter with the feature shader-f16, got SwiftShader.*\n$/,
  )
})

test.after(() => engine.dispose())
test.run()
