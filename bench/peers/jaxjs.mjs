// jax-js on WebGPU, everything under jit (NCHW). It is not asked for ResNet18 training at 224 px: it compiles for
// minutes there, and its gradient of the 7×7 convolution at stride 2 is wrong at that size.
import { inputs, main, permute, provideWebgpu, toHWIO, toNCHW, toNHWC, toOIHW, weights } from './common.mjs'

await provideWebgpu()
const {
  blockUntilReady,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy: np,
  tree,
  valueAndGrad,
  vjp,
} = await import('@jax-js/jax')
if (!(await init('webgpu')).includes('webgpu')) throw new Error('jax-js finds no WebGPU')
defaultDevice('webgpu')

const array = ([shape, data]) => np.array(data).reshape(shape)
const up = (given) => Object.fromEntries(Object.entries(given).map(([name, value]) => [name, array(value)]))

/**
 * `fn` consumes its arrays; they are kept here. `layouts`: how each result is brought into the reference's order of
 * axes.
 */
function op(fn, args, layouts = []) {
  const jitted = jit(fn)
  const call = () => jitted(...args.map((a) => a.ref))
  return {
    async run() {
      const made = call()
      await blockUntilReady(made)
      tree.dispose(made)
    },
    results: () =>
      Promise.all(
        tree.leaves(call()).map(async (y, i) => {
          const { shape } = y
          const data = await y.data()
          return layouts[i] ? permute([shape, data], layouts[i])[1] : data
        }),
      ),
  }
}

/** Gradients of f's arguments; the last argument is the gradient of the result. */
const gradients =
  (f) =>
  (...args) => {
    const dy = args.pop()
    const [y, back] = vjp(f, args)
    y.dispose()
    return back(dy)
  }

const conv2d = (x, w, stride = 1, padding = 1) =>
  lax.convGeneralDilated(
    x,
    w,
    [stride, stride],
    [
      [padding, padding],
      [padding, padding],
    ],
  )
const attention = (q, k, v) => np.matmul(nn.softmax(np.matmul(q, np.swapaxes(k, -1, -2)).mul(1 / 8), -1), v)
const gelu = (x) => nn.gelu(x, { approximate: false })
const normalised = (x, axis, eps, keepdims) => {
  const d = x.ref.sub(np.mean(x, axis, { keepdims }))
  return d.ref.mul(np.reciprocal(np.sqrt(np.mean(np.square(d), axis, { keepdims }).add(eps))))
}
const layerNorm = (x, weight, bias, eps = 1e-5) => normalised(x, -1, eps, true).mul(weight).add(bias)
const batchNorm = (x, weight, bias) => normalised(x, 0, 1e-5, true).mul(weight).add(bias)

function rows(name, f, leaves) {
  return {
    [`${name}.forward`]: () => {
      const t = up(inputs.rows())
      return op(
        (...args) => f(...args),
        leaves.map((leaf) => t[leaf]),
      )
    },
    [`${name}.forward+backward`]: () => {
      const t = up(inputs.rows())
      return op(
        gradients((...args) => f(...args)),
        [...leaves, 'g'].map((leaf) => t[leaf]),
      )
    },
  }
}

const isConv = ({ length }) => length === 4
const parameters = (model) =>
  Object.fromEntries(
    Object.entries(weights(model)).map(([name, given]) => [
      name,
      array(isConv(given[0]) ? permute(given, toOIHW) : given),
    ]),
  )
const image = (batch, size) => array(permute(inputs.images(batch, size), toNCHW))

/** `w(name)` hands out a reference. */
function resnet18(w, x, training) {
  const channels = (a) => a.reshape([1, -1, 1, 1])
  const norm = (y, name) => {
    const z = training
      ? normalised(y, [0, 2, 3], 1e-5, true)
      : y
          .sub(channels(w(`${name}.running_mean`)))
          .mul(np.reciprocal(np.sqrt(channels(w(`${name}.running_var`)).add(1e-5))))
    return z.mul(channels(w(`${name}.weight`))).add(channels(w(`${name}.bias`)))
  }
  x = nn.relu(norm(conv2d(x, w('conv1.weight'), 2, 3), 'bn1'))
  x = lax.reduceWindow(
    np.pad(x, [
      [0, 0],
      [0, 0],
      [1, 1],
      [1, 1],
    ]),
    (window) => np.max(window),
    [3, 3],
    [2, 2],
  )
  for (let stage = 1; stage <= 4; stage++) {
    for (let block = 0; block < 2; block++) {
      const name = `layer${stage}.${block}`
      const stride = stage > 1 && block === 0 ? 2 : 1
      let y = nn.relu(norm(conv2d(x.ref, w(`${name}.conv1.weight`), stride, 1), `${name}.bn1`))
      y = norm(conv2d(y, w(`${name}.conv2.weight`), 1, 1), `${name}.bn2`)
      if (stride === 2) x = norm(conv2d(x, w(`${name}.downsample.0.weight`), 2, 0), `${name}.downsample.1`)
      x = nn.relu(x.add(y))
    }
  }
  return np.matmul(np.mean(x, [2, 3]), np.transpose(w('fc.weight'))).add(w('fc.bias'))
}

function vitTiny(w, images) {
  const [B, C, H, D, T] = [images.shape[0], 192, 3, 64, 197]
  const linear = (x, name) => np.matmul(x, np.transpose(w(`${name}.weight`))).add(w(`${name}.bias`))
  const norm = (x, name) => layerNorm(x, w(`${name}.weight`), w(`${name}.bias`), 1e-6)
  let x = np
    .swapaxes(conv2d(images, w('patch_embed.proj.weight'), 16, 0).reshape([B, C, T - 1]), 1, 2)
    .add(w('patch_embed.proj.bias'))
  x = np.concatenate([np.broadcastTo(w('cls_token'), [B, 1, C]), x], 1).add(w('pos_embed'))
  for (let i = 0; i < 12; i++) {
    const name = `blocks.${i}`
    const qkv = np.transpose(
      linear(norm(x.ref, `${name}.norm1`), `${name}.attn.qkv`).reshape([B, T, 3, H, D]),
      [2, 0, 3, 1, 4],
    )
    const [q, k, v] = np.split(qkv, 3, 0).map((a) => a.reshape([B, H, T, D]))
    x = x.add(linear(np.transpose(attention(q, k, v), [0, 2, 1, 3]).reshape([B, T, C]), `${name}.attn.proj`))
    x = x.add(linear(gelu(linear(norm(x.ref, `${name}.norm2`), `${name}.mlp.fc1`)), `${name}.mlp.fc2`))
  }
  return linear(np.split(norm(x, 'norm'), [1], 1)[0].reshape([B, C]), 'head')
}

const applied = (model, p, x, training) => {
  const y = model((name) => p[name].ref, x, training)
  tree.dispose(p)
  return y
}

const infer = (name, model, batch) => () => {
  const p = parameters(name)
  return op(
    (...[x, ...values]) =>
      applied(model, Object.fromEntries(Object.keys(p).map((key, i) => [key, values[i]])), x, false),
    [image(batch, 224), ...Object.values(p)],
  )
}

/** One update; lr / (1 - β₁ᵗ) and 1 / (1 - β₂ᵗ) come in as arrays. */
function adamStep(p, m, v, g, rate, correction) {
  const first = m.mul(0.9).add(g.ref.mul(0.1))
  const second = v.mul(0.999).add(np.square(g).mul(0.001))
  return [p.sub(first.ref.mul(rate).div(np.sqrt(second.ref.mul(correction)).add(1e-8))), first, second]
}
const corrections = (t, lr) => [np.array([lr / (1 - 0.9 ** t)]), np.array([1 / (1 - 0.999 ** t)])]

const train = (name, model, batch, size, watched) => () => {
  let p = Object.fromEntries(Object.entries(parameters(name)).filter(([key]) => !key.includes('running_')))
  let m = tree.map((a) => np.zeros(a.shape), p)
  let v = tree.map((a) => np.zeros(a.shape), p)
  const x = image(batch, size)
  const target = array([
    [batch, 1000],
    Float32Array.from({ length: batch * 1000 }, (_, i) => Number(inputs.labels[Math.floor(i / 1000)] === i % 1000)),
  ])
  const loss = (q, images, labels) =>
    np.sum(nn.logSoftmax(applied(model, q, images, true), -1).mul(labels)).mul(-1 / batch)
  const step = jit((q, m0, v0, images, labels, rate, correction) => {
    const [value, g] = valueAndGrad(loss)(tree.ref(q), images, labels)
    const [p1, m1, v1] = [{}, {}, {}]
    for (const key in q)
      [p1[key], m1[key], v1[key]] = adamStep(q[key], m0[key], v0[key], g[key], rate.ref, correction.ref)
    return [p1, m1, v1, value]
  })
  const losses = []
  let first
  return {
    async run() {
      let value
      ;[p, m, v, value] = step(p, m, v, x.ref, target.ref, ...corrections(losses.length + 1, 1e-4))
      await blockUntilReady([p, m, v])
      losses.push((await value.data())[0])
      // After one step the first moment is a tenth of the gradient.
      first ??= await Promise.all(
        watched.map(async (key) => {
          const { shape } = m[key]
          const gradient = (await m[key].ref.data()).map((moment) => moment * 10)
          return isConv(shape) ? permute([shape, gradient], toHWIO)[1] : gradient
        }),
      )
    },
    results: () => [Float32Array.from(losses), ...first],
  }
}

const conv = () => {
  const { x, w, g } = inputs.conv()
  return { x: array(permute(x, toNCHW)), w: array(permute(w, toOIHW)), g: array(permute(g, toNCHW)) }
}
await main('jax-js', {
  matmul1024: () => {
    const { a, b } = up(inputs.matmul())
    return op((l, r) => np.matmul(l, r), [a, b])
  },
  'conv.forward': () => {
    const { x, w } = conv()
    return op((l, r) => conv2d(l, r), [x, w], [toNHWC])
  },
  'conv.dX': () => {
    const { w, g } = conv()
    return op(
      (weight, dy) => {
        const [y, back] = vjp((x) => conv2d(x, weight.ref), [np.zeros([4, 64, 56, 56])])
        y.dispose()
        return back(dy)[0]
      },
      [w, g],
      [toNHWC],
    )
  },
  'conv.dW': () => {
    const { x, g } = conv()
    return op(
      (images, dy) => {
        const [y, back] = vjp((w) => conv2d(images.ref, w), [np.zeros([64, 64, 3, 3])])
        y.dispose()
        return back(dy)[0]
      },
      [x, g],
      [toHWIO],
    )
  },
  'attention.forward': () => {
    const { q, k, v } = up(inputs.attention())
    return op(attention, [q, k, v])
  },
  'attention.forward+backward': () => {
    const { q, k, v, g } = up(inputs.attention())
    return op(gradients(attention), [q, k, v, g])
  },
  ...rows('layerNorm', (x, weight, bias) => layerNorm(x, weight, bias), ['x', 'weight', 'bias']),
  ...rows('batchNorm', batchNorm, ['x', 'weight', 'bias']),
  ...rows('gelu', gelu, ['x']),
  'adam.11M': () => {
    let { p, g } = up(inputs.adam())
    let [m, v] = [np.zeros([11_000_000]), np.zeros([11_000_000])]
    const step = jit(adamStep)
    let [count, after] = [0, null]
    return {
      async run() {
        ;[p, m, v] = step(p, m, v, g.ref, ...corrections(++count, 1e-3))
        await blockUntilReady([p, m, v])
        if (count === 2) after = await p.ref.data()
      },
      results: () => [after],
    }
  },
  'resnet18.infer.b1': infer('resnet18', resnet18, 1),
  'resnet18.infer.b4': infer('resnet18', resnet18, 4),
  'resnet18.train.b4.64': train('resnet18', resnet18, 4, 64, ['conv1.weight', 'layer4.1.conv2.weight']),
  'vit_tiny.infer.b1': infer('vit_tiny', vitTiny, 1),
  'vit_tiny.train.b2': train('vit_tiny', vitTiny, 2, 224, ['patch_embed.proj.weight', 'blocks.0.attn.qkv.weight']),
})
