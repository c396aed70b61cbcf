// TensorFlow.js on its WebGPU backend (NHWC, its own layout), bundled for Node by bench/peers.ts. Models are written
// with its core operators; batchNorm's running statistics are not kept, which is a little less work than ours.
import { createRequire } from 'node:module'
import { inputs, main, permute, provideWebgpu, weights } from './common.mjs'

await provideWebgpu()
const { tf } = createRequire(import.meta.url)('./build/tf.cjs')
await tf.setBackend('webgpu')
await tf.ready()
if (tf.getBackend() !== 'webgpu') throw new Error(`the backend is ${tf.getBackend()}`)
const backend = tf.backend()

async function sync() {
  if (backend.commandEncoder) {
    backend.endComputePassEncoder()
    backend.submitQueue()
  }
  await backend.queue.onSubmittedWorkDone()
}

const up = (given) =>
  Object.fromEntries(Object.entries(given).map(([name, [shape, data]]) => [name, tf.tensor(data, shape)]))
const image = (batch, size) => {
  const [shape, data] = inputs.images(batch, size)
  return tf.tensor(data, shape)
}
const download = async (tensors) => {
  const data = await Promise.all(tensors.map((t) => t.data()))
  tf.dispose(tensors)
  return data
}

function op(fn) {
  const all = () => [tf.tidy(fn)].flat()
  return {
    async run() {
      const made = all()
      await sync()
      tf.dispose(made)
    },
    results: () => download(all()),
  }
}

function layerNorm(x, weight, bias, eps = 1e-5) {
  const { mean, variance } = tf.moments(x, -1, true)
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, eps))), weight), bias)
}
function batchNorm(x, weight, bias) {
  const { mean, variance } = tf.moments(
    x,
    x.shape.slice(0, -1).map((_, i) => i),
  )
  return tf.batchNorm(x, mean, variance, bias, weight, 1e-5)
}
const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))))
function squeezeExcite(x, w1, b1, w2, b2) {
  const hidden = tf.add(tf.matMul(tf.mean(x, [1, 2]), tf.reshape(w1, [240, 10])), b1)
  const active = tf.mul(hidden, tf.sigmoid(hidden))
  const gate = tf.sigmoid(tf.add(tf.matMul(active, tf.reshape(w2, [10, 240])), b2))
  return tf.mul(x, tf.reshape(gate, [-1, 1, 1, 240]))
}
const attention = (q, k, v) => tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / 8)), v)

function rows(name, f, leaves, given = inputs.rows) {
  return {
    [`${name}.forward`]: () => {
      const t = up(given())
      return op(() => f(...leaves.map((leaf) => t[leaf])))
    },
    [`${name}.forward+backward`]: () => {
      const t = up(given())
      return op(() =>
        tf.grads(f)(
          leaves.map((leaf) => t[leaf]),
          t.g,
        ),
      )
    },
  }
}

/** Variables; linear weights as [in, out], which is how tf multiplies. */
function variables(model) {
  return Object.fromEntries(
    Object.entries(weights(model)).map(([name, given]) => {
      const transposed = /(fc|fc1|fc2|qkv|attn\.proj|head)\.weight$/.test(name)
      const [shape, data] = transposed ? permute(given, [1, 0]) : given
      return [name, tf.variable(tf.tensor(data, shape), !name.includes('running'), name)]
    }),
  )
}

function resnet18(training) {
  const w = variables('resnet18')
  const norm = (x, name) =>
    training
      ? batchNorm(x, w[`${name}.weight`], w[`${name}.bias`])
      : tf.batchNorm(
          x,
          w[`${name}.running_mean`],
          w[`${name}.running_var`],
          w[`${name}.bias`],
          w[`${name}.weight`],
          1e-5,
        )
  const conv = (x, name, stride, padding) =>
    tf.conv2d(
      padding
        ? tf.pad(x, [
            [0, 0],
            [padding, padding],
            [padding, padding],
            [0, 0],
          ])
        : x,
      w[`${name}.weight`],
      stride,
      'valid',
    )
  return (images) => {
    let x = tf.relu(norm(conv(images, 'conv1', 2, 3), 'bn1'))
    x = tf.maxPool(
      tf.pad(x, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ]),
      3,
      2,
      'valid',
    )
    for (let stage = 1; stage <= 4; stage++) {
      for (let block = 0; block < 2; block++) {
        const name = `layer${stage}.${block}`
        const stride = stage > 1 && block === 0 ? 2 : 1
        let y = tf.relu(norm(conv(x, `${name}.conv1`, stride, 1), `${name}.bn1`))
        y = norm(conv(y, `${name}.conv2`, 1, 1), `${name}.bn2`)
        if (stride === 2) x = norm(conv(x, `${name}.downsample.0`, 2, 0), `${name}.downsample.1`)
        x = tf.relu(tf.add(x, y))
      }
    }
    return tf.add(tf.matMul(tf.mean(x, [1, 2]), w['fc.weight']), w['fc.bias'])
  }
}

function vitTiny() {
  const w = variables('vit_tiny')
  const [C, H, D, T] = [192, 3, 64, 197]
  const linear = (x, name) => tf.add(tf.matMul(x, w[`${name}.weight`]), w[`${name}.bias`])
  const norm = (x, name) => layerNorm(x, w[`${name}.weight`], w[`${name}.bias`], 1e-6)
  return (images) => {
    const B = images.shape[0]
    let x = tf
      .add(tf.conv2d(images, w['patch_embed.proj.weight'], 16, 'valid'), w['patch_embed.proj.bias'])
      .reshape([B, T - 1, C])
    x = tf.add(tf.concat([tf.tile(w.cls_token, [B, 1, 1]), x], 1), w.pos_embed)
    for (let i = 0; i < 12; i++) {
      const name = `blocks.${i}`
      const qkv = tf.transpose(
        linear(norm(x, `${name}.norm1`).reshape([B * T, C]), `${name}.attn.qkv`).reshape([B, T, 3, H, D]),
        [2, 0, 3, 1, 4],
      )
      const [q, k, v] = tf.split(qkv.reshape([3, B * H, T, D]), 3).map((t) => t.reshape([B * H, T, D]))
      const heads = tf.transpose(attention(q, k, v).reshape([B, H, T, D]), [0, 2, 1, 3]).reshape([B * T, C])
      x = tf.add(x, linear(heads, `${name}.attn.proj`).reshape([B, T, C]))
      x = tf.add(
        x,
        linear(
          gelu(linear(norm(x, `${name}.norm2`).reshape([B * T, C]), `${name}.mlp.fc1`)),
          `${name}.mlp.fc2`,
        ).reshape([B, T, C]),
      )
    }
    return linear(norm(tf.slice(x, [0, 0, 0], [B, 1, C]).reshape([B, C]), 'norm'), 'head')
  }
}

const infer = (model, batch) => () => {
  const [forward, x] = [model(false), image(batch, 224)]
  return op(() => forward(x))
}

const train = (model, batch, size, watched) => () => {
  const [forward, x] = [model(true), image(batch, size)]
  const target = tf.oneHot(tf.tensor1d(inputs.labels.slice(0, batch), 'int32'), 1000)
  const adam = tf.train.adam(1e-4, 0.9, 0.999, 1e-8)
  const losses = []
  let first
  return {
    async run() {
      const loss = adam.minimize(() => tf.losses.softmaxCrossEntropy(target, forward(x)), true)
      await sync()
      losses.push((await loss.data())[0])
      loss.dispose()
      // After one step the first moment is a tenth of the gradient.
      first ??= await Promise.all(
        watched.map(async (name) => {
          const { variable } = adam.accumulatedFirstMoment.find((moment) => moment.originalName.startsWith(name))
          const gradient = [variable.shape, (await variable.data()).map((v) => v * 10)]
          return name.includes('qkv') ? permute(gradient, [1, 0])[1] : gradient[1]
        }),
      )
    },
    results: () => [Float32Array.from(losses), ...first],
  }
}

const conv = () => up(inputs.conv())
await main('TensorFlow.js', {
  matmul1024: () => {
    const { a, b } = up(inputs.matmul())
    return op(() => tf.matMul(a, b))
  },
  'conv.forward': () => {
    const { x, w } = conv()
    return op(() => tf.conv2d(x, w, 1, 1))
  },
  'conv.dX': () => {
    const { x, w, g } = conv()
    return op(() => tf.conv2dTranspose(g, w, x.shape, 1, 'same'))
  },
  'conv.dW': () => {
    const { x, w, g } = conv()
    return op(() =>
      tf
        .engine()
        .runKernel(
          'Conv2DBackpropFilter',
          { x, dy: g },
          { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', filterShape: w.shape },
        ),
    )
  },
  // Its filters are [height, width, channels, 1], the same numbers.
  ...rows(
    'depthwise',
    (x, w) => tf.depthwiseConv2d(x, tf.reshape(w, [7, 7, 96, 1]), 1, 'same'),
    ['x', 'w'],
    inputs.depthwise,
  ),
  ...rows('squeezeExcite', squeezeExcite, ['x', 'w1', 'b1', 'w2', 'b2'], inputs.squeezeExcite),
  'attention.forward': () => {
    const { q, k, v } = up(inputs.attention())
    return op(() => attention(q, k, v))
  },
  'attention.forward+backward': () => {
    const { q, k, v, g } = up(inputs.attention())
    return op(() => tf.grads(attention)([q, k, v], g))
  },
  ...rows('layerNorm', layerNorm, ['x', 'weight', 'bias']),
  ...rows('batchNorm', batchNorm, ['x', 'weight', 'bias']),
  ...rows('gelu', gelu, ['x']),
  'adam.11M': () => {
    const { p, g } = up(inputs.adam())
    const [variable, adam] = [tf.variable(p), tf.train.adam(1e-3, 0.9, 0.999, 1e-8)]
    let [count, after] = [0, null]
    return {
      async run() {
        adam.applyGradients({ [variable.name]: g })
        await sync()
        if (++count === 2) after = await variable.data()
      },
      results: () => [after],
    }
  },
  'resnet18.infer.b1': infer(resnet18, 1),
  'resnet18.infer.b4': infer(resnet18, 4),
  'resnet18.train.b4.64': train(resnet18, 4, 64, ['conv1.weight', 'layer4.1.conv2.weight']),
  'resnet18.train.b4.224': train(resnet18, 4, 224, ['conv1.weight', 'layer4.1.conv2.weight']),
  'vit_tiny.infer.b1': infer(vitTiny, 1),
  'vit_tiny.train.b2': train(vitTiny, 2, 224, ['patch_embed.proj.weight', 'blocks.0.attn.qkv.weight']),
})
