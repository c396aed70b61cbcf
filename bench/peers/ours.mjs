// Our engine's side of the comparison. With --write it also leaves the references that all are compared with, and the
// models' weights.
import { writeFileSync } from 'node:fs'
import { Rehearsal, record } from '../../dist/bench/dispatches.js'
import { F, init, models, noGrad, optim, tensor } from '../../dist/src/index.js'
import { parameter } from '../../dist/src/tensor/arena.js'
import { flag, folder, inputs, main, weights, workName } from './common.mjs'

const engine = await init({ seed: 0 })
const write = flag === '--write'
const save = (name, data) =>
  writeFileSync(`${folder}/${name}.bin`, Buffer.from(data.buffer, data.byteOffset, data.byteLength))
const up = (given, requiresGrad = false) =>
  Object.fromEntries(
    Object.entries(given).map(([name, [shape, data]]) => [name, tensor(data, shape, { requiresGrad })]),
  )
const image = (batch, size) => inputs.images(batch, size).reverse()
const download = (tensors) => Promise.all(tensors.map((t) => t.data()))

/** A captured step. What came of it: the tensors it returns, and the gradients of `leaves`. */
function step(fn, leaves = []) {
  const captured = engine.capture(fn)
  return {
    async run() {
      const made = await captured()
      await engine.idle()
      made.forEach((t) => t.dispose())
    },
    results: async () => download([...(await captured()), ...leaves.map((leaf) => leaf.grad)]),
  }
}

/** Forward and backward: the gradients are what came of it. */
function differentiated(leaves, forward, dy) {
  return step(() => {
    for (const leaf of leaves) leaf.grad = null
    forward().backward(dy)
    return []
  }, leaves)
}

/** Only what comes after the forward pass, as the others compute it. */
async function gradientAlone(wanted) {
  const { x, w, g } = up(inputs.conv())
  const leaf = { x, w }[wanted]
  leaf.requiresGrad = true
  let forward
  const recording = record((count) => {
    const y = F.conv2d(x, w, null, { padding: 1 })
    forward = count()
    y.backward(g)
  })
  recording.commands.splice(0, forward)
  const rehearsal = await Rehearsal.of(recording)
  return { run: () => rehearsal.run(), results: () => download([leaf.grad]) }
}

function rows(name, f, leafNames, given = inputs.rows) {
  return {
    [`${name}.forward`]: () => {
      const t = up(given())
      return step(() => [f(t)])
    },
    [`${name}.forward+backward`]: () => {
      const t = up(given(), true)
      return differentiated(
        leafNames.map((leaf) => t[leaf]),
        () => f(t),
        t.g,
      )
    },
  }
}

/** The model with the weights in the folder, or with --write fresh ones, which it leaves there. */
async function build(name) {
  const model = name === 'resnet18' ? models.resnet18() : models.vitTiny()
  const entries = [...model.state()].filter((entry) => entry.tensor)
  if (write) {
    for (const entry of entries) save(`${name}.${entry.name}`, await entry.tensor.data())
    writeFileSync(
      `${folder}/${name}.json`,
      JSON.stringify(Object.fromEntries(entries.map((entry) => [entry.name, entry.tensor.shape]))),
    )
  } else {
    const given = weights(name)
    for (const entry of entries) entry.tensor.write(given[entry.name][1])
  }
  return model
}

const infer = (name, batch) => async () => {
  const model = (await build(name)).eval()
  const x = tensor(...image(batch, 224))
  return step(() => [noGrad(() => model.forward(x))])
}

const train = (name, batch, size, watched) => async () => {
  const model = (await build(name)).train()
  const adam = new optim.Adam(model.parameters(), { lr: 1e-4 })
  const x = tensor(...image(batch, size))
  const y = tensor(Int32Array.from(inputs.labels.slice(0, batch)))
  const captured = engine.capture(() => {
    adam.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    adam.step()
    return loss
  })
  const losses = []
  let first
  const parameters = new Map(model.namedParameters())
  return {
    async run() {
      const loss = await captured()
      losses.push(await loss.item())
      loss.dispose()
      first ??= await download(watched.map((parameterName) => parameters.get(parameterName).grad))
    },
    results: async () => [Float32Array.from(losses), ...first],
  }
}

const works = {
  matmul1024: () => {
    const { a, b } = up(inputs.matmul())
    return step(() => [F.matmul(a, b)])
  },
  'conv.forward': () => {
    const { x, w } = up(inputs.conv())
    return step(() => [F.conv2d(x, w, null, { padding: 1 })])
  },
  'conv.dX': () => gradientAlone('x'),
  'conv.dW': () => gradientAlone('w'),
  ...rows('depthwise', ({ x, w }) => F.conv2d(x, w, null, { padding: 3, groups: 96 }), ['x', 'w'], inputs.depthwise),
  ...rows(
    'squeezeExcite',
    ({ x, w1, b1, w2, b2 }) => F.squeezeExcite(x, w1, b1, w2, b2, { activation: 'silu' }),
    ['x', 'w1', 'b1', 'w2', 'b2'],
    inputs.squeezeExcite,
  ),
  'attention.forward': () => {
    const { q, k, v } = up(inputs.attention())
    return step(() => [F.scaledDotProductAttention(q, k, v)])
  },
  'attention.forward+backward': () => {
    const { q, k, v, g } = up(inputs.attention(), true)
    return differentiated([q, k, v], () => F.scaledDotProductAttention(q, k, v), g)
  },
  ...rows('layerNorm', ({ x, weight, bias }) => F.layerNorm(x, [768], weight, bias), ['x', 'weight', 'bias']),
  ...rows('batchNorm', ({ x, weight, bias }) => F.batchNorm(x, null, null, weight, bias, { training: true }), [
    'x',
    'weight',
    'bias',
  ]),
  ...rows('gelu', ({ x }) => F.gelu(x), ['x']),
  'adam.11M': async () => {
    const {
      p: [shape, data],
      g,
    } = inputs.adam()
    const p = parameter(shape, 'bench').write(data)
    F.mul(p, tensor(g[1], shape)).backward(tensor(new Float32Array(shape[0]).fill(1), shape)) // its gradient is g
    const adam = new optim.Adam([p], { lr: 1e-3 })
    const captured = engine.capture(() => {
      adam.step()
      return []
    })
    let [count, after] = [0, null]
    return {
      async run() {
        await captured()
        await engine.idle()
        if (++count === 2) after = await p.data()
      },
      results: () => [after],
    }
  },
  'resnet18.infer.b1': infer('resnet18', 1),
  'resnet18.infer.b4': infer('resnet18', 4),
  'resnet18.train.b4.64': train('resnet18', 4, 64, ['conv1.weight', 'layer4.1.conv2.weight']),
  'resnet18.train.b4.224': train('resnet18', 4, 224, ['conv1.weight', 'layer4.1.conv2.weight']),
  'vit_tiny.infer.b1': infer('vit_tiny', 1),
  'vit_tiny.train.b2': train('vit_tiny', 2, 224, ['patch_embed.proj.weight', 'blocks.0.attn.qkv.weight']),
}

if (write) {
  const { run, results } = await works[workName]()
  for (let i = 0; i < (/train|adam/.test(workName) ? 4 : 1); i++) await run()
  ;(await results()).forEach((data, i) => save(`${workName}.${i}`, data))
  engine.dispose()
} else await main('radiograd', works)
