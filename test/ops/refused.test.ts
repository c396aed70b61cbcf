// What operators and functions that create tensors refuse, each in one line that names the rule and what was given.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { F, arange, full, init, nn, noGrad, ones, onesLike, optim, rand, tensor, zeros } from '../../src/index.js'
import { failure, refused } from '../errors.js'

const engine = await init({ tune: false })
const test = suite(`refusals (${engine.adapterKind})`)

const PAIR = 'must be an integer of at least 1, or two'

test('what is refused, in one line', () => {
  const x = tensor([1, 2])
  const any = (value: unknown) => value as never
  refused(() => full([2], 1.5, 'i32'), 'full: i32 holds whole numbers from -2147483648 to 2147483647, got 1.5')
  refused(() => full([2], 256, 'u8'), 'full: u8 holds whole numbers from 0 to 255, got 256')
  refused(() => full([2], any('1')), 'full: the value must be a number, got 1')
  refused(() => full([2], 1, any('f64')), 'full: there is no dtype f64')
  refused(() => ones(any(3)), 'ones: sizes must be positive integers, got 3')
  refused(() => arange(0), 'arange: step must lead from start to end, got 1 from 0 to 0')
  refused(() => arange(0, 5, -1), 'arange: step must lead from start to end, got -1 from 0 to 5')
  refused(() => rand([2], any('i32')), 'rand: dtype must be f32 or f16, got i32')
  refused(() => onesLike(any([1])), "onesLike: 'x' must be a tensor, got [1]")
  refused(() => F.sub(any(1), any(2)), 'sub: needs a tensor, got 1 and 2')
  refused(() => F.maximum(x, any('3')), "maximum: 'b' must be a tensor, got '3'")
  refused(
    () => F.eq(tensor(Int32Array.of(1)), 1.5),
    'eq: i32 holds whole numbers from -2147483648 to 2147483647, got 1.5',
  )
  refused(() => F.eq(tensor(Int32Array.of(1)), x), "eq: 'a' and 'b' must have one dtype, got i32 and f32; cast one")
  refused(() => F.where(any(true), x, x), 'where: the condition must be a tensor, got true')
  refused(() => F.where(x, x, any(null)), "where: 'b' must be a tensor or a number, got null")
  refused(() => F.where(tensor([1, 0, 1]), x, 0), 'where: shapes must broadcast, got [3] and [2]')
  refused(
    () => F.maskedFill(x, x, x),
    'maskedFill: value must be a number or a tensor of one element, got Tensor(f32 [2]) [1, 2]',
  )
  refused(() => F.tril(x), 'tril: needs matrices [..., R, C], got [2]')
  refused(() => F.tril(tensor([[1]]), any({ k: 1 })), "tril: unknown option 'k', it takes diagonal")
  refused(() => F.clamp(x, {}), 'clamp: needs min, max or both, got neither')
  refused(() => F.clamp(x, any(0)), 'clamp: options must be an object, got 0')
  refused(() => F.clamp(x, { min: NaN }), 'clamp: min must be a number, got NaN')
  refused(() => F.elu(x, { alpha: any('1') }), "elu: alpha must be a number, got '1'")
  refused(() => F.max(x, any('1')), "max: dim must be a number or a list of them, got '1'")
  refused(() => F.max(x, any({ dim: [0] })), 'max: dim must be one axis, got 0')
  refused(() => F.argmax(x, any({ axis: 0 })), "argmax: unknown option 'axis', it takes dim, keepdim")
  refused(() => F.amax(x, 2), 'amax: dim must be between -1 and 0, got 2')
  refused(() => F.sum(x, any({ dims: 0 })), "sum: unknown option 'dims', it takes dim, keepdim")
  refused(() => F.mean(any([1])), "mean: 'x' must be a tensor, got [1]")
  refused(() => F.topk(x, 3), 'topk: k must be between 1 and 2, got 3')
  refused(() => F.norm(x, { p: any('2') }), "norm: p must be a number, got '2'")
  refused(() => F.softmax(x, any(undefined)), 'softmax: options must be an object, got undefined')
  refused(() => F.logSoftmax(x, any({})), 'logSoftmax: dim must be between -1 and 0, got undefined')
  refused(() => F.std(x, { correction: any('0') }), "std: correction must be a number, got '0'")
  refused(() => F.cumsum(x, 1), 'cumsum: dim must be between -1 and 0, got 1')
  const column = ones([2, 1])
  refused(() => F.mseLoss(x, column), 'mseLoss: input and target must have one shape, got [2] and [2, 1]')
  refused(() => F.mseLoss(x, any(1)), "mseLoss: 'target' must be a tensor, got 1")
  refused(() => F.l1Loss(x, x, { reduction: any('avg') }), "l1Loss: reduction must be mean, sum, none, got 'avg'")
  refused(() => F.huberLoss(x, x, { delta: 0 }), 'huberLoss: delta must be above 0, got 0')
  refused(
    () => F.bceWithLogits(x, x, { weight: ones([3, 2]) }),
    'bceWithLogits: weight must broadcast to [2], got [3, 2]',
  )
  refused(
    () => F.bceWithLogits(x, x, { posWeight: tensor([1], [1], { requiresGrad: true }) }),
    'bceWithLogits: posWeight takes no gradient; detach() it',
  )
  refused(() => F.nllLoss(column, tensor(Int32Array.of(0))), 'nllLoss: target must be [2], got [1]')
  refused(
    () => F.crossEntropy(column, x),
    'crossEntropy: a float target holds probabilities [2, 1], class numbers are i32; got [2]',
  )
  refused(() => F.crossEntropy(column, any([0, 1])), "crossEntropy: 'target' must be a tensor, got [0, 1]")
  const bytes = (value: number) => () => tensor([value], [1], { dtype: 'u8' })
  for (const value of [256, -1, 1.5, NaN])
    refused(bytes(value), `tensor: u8 holds whole numbers from 0 to 255, got ${value}`)
  refused(() => bytes(1)().write([300]), 'write: u8 holds whole numbers from 0 to 255, got 300')
  refused(() => zeros([1], any('f64')), 'tensor: dtype must be one of f32 f16 i32 u32 u8, got f64')
  refused(() => F.cast(x, any('f64')), 'cast: there is no dtype f64; it is f32, f16, i32, u32 or u8')
  refused(() => F.matmul(x, any([1])), 'matmul: needs two tensors, got Tensor(f32 [2]) [1, 2] and 1')
  refused(() => F.reshape(x, any(2)), 'reshape: the shape must be a list, got 2')
  refused(() => F.permute(x, any(0)), 'permute: dims must be a list, got 0')
  refused(() => F.sum(x, [0, 0]), 'sum: dim names an axis twice, got 0,0')
  refused(() => F.dropout(x, any('0.5')), "dropout: p must be a number from 0 to 1, got '0.5'")
  refused(
    () => F.maxPool2d(ones([1, 2, 2, 1]), any({})),
    /* as for all pairs */ `maxPool2d: kernelSize ${PAIR}, got undefined`,
  )
  refused(() => F.layerNorm(x, [2], null, null, { eps: NaN }), 'layerNorm: eps must be a number, got NaN')
  const options = any({ eps: 1e-3 })
  refused(() => new nn.BatchNorm2d(1, options), 'BatchNorm2d: eps must be a number of at least 0, got Object')
})

test('whatever is given for a tensor or a list is refused by the function that was called', () => {
  const x = ones([2, 3])
  const whole = tensor(new Int32Array(6), [2, 3])
  const any = (value: unknown) => value as never
  const shown = new Map<unknown, string>([
    [undefined, 'undefined'],
    [null, 'null'],
    [3, '3'],
    [[1], '[1]'],
    [{}, 'Object'],
  ])
  for (const [bad, text] of shown) {
    const rule = (name: string) => `'${name}' must be a tensor, got ${text}`
    const unary = {
      adaptiveAvgPool2d: () => F.adaptiveAvgPool2d(any(bad), 1),
      argmax: () => F.argmax(any(bad)),
      avgPool2d: () => F.avgPool2d(any(bad), { kernelSize: 2 }),
      chunk: () => F.chunk(any(bad), 2),
      cumsum: () => F.cumsum(any(bad), 0),
      expand: () => F.expand(any(bad), [2, 3]),
      flatten: () => F.flatten(any(bad)),
      flip: () => F.flip(any(bad), 0),
      gather: () => F.gather(any(bad), 0, whole),
      indexSelect: () => F.indexSelect(any(bad), 0, whole),
      instanceNorm: () => F.instanceNorm(any(bad)),
      interpolate: () => F.interpolate(any(bad), { size: 2 }),
      layerNorm: () => F.layerNorm(any(bad), [3]),
      linear: () => F.linear(any(bad), x),
      maxPool2d: () => F.maxPool2d(any(bad), { kernelSize: 2 }),
      pad: () => F.pad(any(bad), [1, 1]),
      permute: () => F.permute(any(bad), [1, 0]),
      repeat: () => F.repeat(any(bad), [1, 2]),
      reshape: () => F.reshape(any(bad), [3, 2]),
      roll: () => F.roll(any(bad), 1),
      scatterAdd: () => F.scatterAdd(any(bad), 0, whole, x),
      slice: () => F.slice(any(bad), { dim: 0, end: 1 }),
      split: () => F.split(any(bad), 1),
      squeeze: () => F.squeeze(any(bad)),
      transpose: () => F.transpose(any(bad), 0, 1),
      unsqueeze: () => F.unsqueeze(any(bad), 0),
    }
    for (const [name, call] of Object.entries(unary)) refused(call, `${name}: ${rule('x')}`)
    refused(() => F.embedding(any(bad), x), `embedding: ${rule('indices')}`)
    refused(() => F.scaledDotProductAttention(x, any(bad), x), `scaledDotProductAttention: ${rule('k')}`)
    refused(() => F.cat([x, any(bad)]), `cat: ${rule('1')}`)
    refused(() => F.stack([any(bad)]), `stack: ${rule('0')}`)
  }
  for (const bad of [null, 3, '12']) {
    const text = bad === '12' ? "'12'" : bad
    refused(() => F.expand(x, any(bad)), `expand: the shape must be a list, got ${text}`)
    refused(() => F.layerNorm(x, any(bad)), `layerNorm: normalizedShape must be a list, got ${text}`)
    refused(() => F.pad(x, any(bad)), `pad: padding must be a list, got ${text}`)
    refused(() => F.repeat(x, any(bad)), `repeat: counts must be a list, got ${text}`)
    refused(() => F.cat(any(bad)), `cat: tensors must be a list, got ${text}`)
  }
  refused(() => F.flip(x, any(null)), 'flip: dim must be a number or a list of them, got null')
  refused(() => F.squeeze(x, any('0')), "squeeze: dim must be a number or a list of them, got '0'")
  for (const bad of [0, -1, NaN])
    refused(() => F.split(x, bad), `split: sizes must be positive integers that add up to the 2 of dim 0, got ${bad}`)
  const takes = "'x' takes f32 or f16, got i32; cast it"
  refused(() => F.crossEntropy(whole, tensor(Int32Array.of(0, 1))), `crossEntropy: ${takes.replace('x', 'logits')}`)
  const floats = {
    add: () => F.add(whole, 1),
    amin: () => F.amin(whole),
    argmin: () => F.argmin(whole, 1),
    div: () => F.div(whole, 2),
    max: () => F.max(whole),
    mean: () => F.mean(whole),
    min: () => F.min(whole, 1),
    mul: () => F.mul(2, whole),
    norm: () => F.norm(whole),
    std: () => F.std(whole),
    sub: () => F.sub(1, whole),
    var: () => F.var(whole),
  }
  for (const [name, call] of Object.entries(floats)) refused(call, `${name}: ${takes}`)
  refused(() => F.embedding(x, x), "embedding: 'index' takes i32, got f32; cast it")
  refused(() => x.write(any(undefined)), 'write: tensor [2, 3] holds 6 elements, got undefined')
  refused(() => noGrad(any(3)), 'noGrad: needs a function, got 3')
  refused(() => engine.capture(any(undefined)), 'capture: needs a function, got undefined')
  refused(() => nn.init.zeros(any(null)), 'init: needs a tensor of f32, got null')
  refused(() => nn.init.kaimingNormal(whole), 'init: needs a tensor of f32, got Tensor(i32 [2, 3]) [0, 0, 0, 0, 0, 0]')
  refused(() => optim.clipGradNorm(any({}), 1), 'clipGradNorm: needs a list of parameters, got Object')
  refused(() => new optim.ModelEma(any([x])), 'ModelEma: needs a module, got Array')
  refused(() => nn.parameterGroups(any(x)), 'parameterGroups: needs a module, got Tensor')
  refused(() => new nn.ModuleList(any(new nn.Identity())), 'ModuleList: takes a list of modules, got Identity')
  refused(() => new nn.ModuleDict(any(3)), 'ModuleDict: takes modules by name, got Number')
  refused(
    () => new nn.ZeroPad2d(any(null)),
    'ZeroPad2d: padding must be a whole number or [left, right, top, bottom], got null',
  )
})

test('nothing else comes through in any place: operators, layers, optimizers name themselves', async () => {
  await F.loadAugmentShaders()
  const of = (...shape: number[]) => ones(shape)
  const bytes = tensor(new Uint8Array(2 * 16 * 16 * 3), [2, 16, 16, 3])
  const classes = tensor(Int32Array.of(0, 1))
  const [x, image, v] = [of(2, 3), of(1, 4, 4, 4), of(4)]
  const norm = { runningMean: v, runningVar: v, weight: v, bias: v }
  const colours = { mean: [0, 0, 0], std: [1, 1, 1] }
  const operators: Partial<Record<keyof typeof F, unknown[]>> = {
    affine: [x, 1, 0],
    amax: [x, { dim: 0, keepdim: true }],
    avgPool2d: [image, { kernelSize: 2, countIncludePad: true }],
    batchNormAddRelu: [image, image, v, v, v, v, { training: true, eps: 1e-5 }],
    batchNormRelu: [image, v, v, v, v, { training: true }],
    bceWithLogits: [x, x, { weight: x, posWeight: x, reduction: 'mean' }],
    cat: [[x, x], { dim: 0 }],
    conv2d: [image, of(1, 1, 4, 4), v, { groups: 1, stride: 1 }],
    conv2dBatchNorm: [image, of(1, 1, 4, 4), v, norm, { residual: image }],
    convTranspose2d: [image, of(1, 1, 4, 4), v, { groups: 1, outputPadding: 0 }],
    crossEntropy: [x, classes, { weight: of(3), ignoreIndex: -100, labelSmoothing: 0 }],
    dropPath: [x, 0.5, true],
    dropout: [x, 0.5, true],
    embedTokens: [of(1, 4, 8), of(1, 1, 8), of(1, 5, 8)],
    groupNorm: [image, 2, v, v, { eps: 1e-5 }],
    imageEffects: [of(2, 16, 16, 3), of(2, 16), { ...colours, kernelSize: 1 }],
    interpolate: [image, { scaleFactor: 2, mode: 'bilinear', alignCorners: true }],
    klDiv: [x, x, { logTarget: true }],
    layerNorm: [x, [3], of(3), of(3), { eps: 1e-5 }],
    logSoftmax: [x, { dim: 0 }],
    nllLoss: [x, classes, { weight: of(3), ignoreIndex: -100 }],
    normalizeImages: [bytes, of(2, 9), { ...colours, size: [8, 8], jitter: of(2, 8) }],
    pad: [x, [1, 1], { value: 0 }],
    scaledDotProductAttention: [of(1, 4, 8), of(1, 4, 8), of(1, 4, 8), { scale: 1, isCausal: true, dropout: 0 }],
    selfAttention: [of(1, 4, 24), { heads: 1, scale: 1 }],
    slice: [x, { dim: 0, start: 0, end: 1 }],
    softmax: [x, { dim: 0 }],
    sum: [x, { dim: 0, keepdim: true }],
    toneImages: [bytes, of(2, 1), ['equalize']],
    topk: [x, 1, { dim: 0, largest: true }],
    tril: [x, { diagonal: 0 }],
  }
  const layers: Partial<Record<keyof typeof nn, unknown[]>> = {
    AdaptiveAvgPool2d: [1],
    Attention: [8, 2],
    AvgPool2d: [2, { countIncludePad: true }],
    BCEWithLogitsLoss: [{ reduction: 'mean', posWeight: v }],
    BatchNorm2d: [4, 1e-5, 0.1],
    Conv2d: [3, 4, 3, { stride: 1, bias: true }],
    ConvTranspose2d: [3, 4, 3, { outputPadding: 0, bias: true }],
    CrossEntropyLoss: [{ weight: v, ignoreIndex: -100, labelSmoothing: 0 }],
    Embedding: [4, 3],
    Flatten: [1, -1],
    GroupNorm: [2, 4, 1e-5],
    InstanceNorm2d: [4, { eps: 1e-5, affine: true }],
    KLDivLoss: [{ reduction: 'batchmean', logTarget: false }],
    LayerNorm: [4, 1e-5],
    Linear: [3, 4, { bias: true, std: 0.02 }],
    MaxPool2d: [2, { stride: 1 }],
    Mlp: [8, 16],
    Upsample: [{ scaleFactor: 2, mode: 'nearest' }],
  }
  const parameter = () => new nn.Linear(1, 1).weight
  const others: Record<string, [(...given: never[]) => unknown, unknown[]]> = {
    AdamW: [(...given) => new optim.AdamW([parameter()], ...(given as [])), [{ lr: 0.1, eps: 1e-8 }]],
    SGD: [(...given) => new optim.SGD([parameter()], ...(given as unknown as [never])), [{ lr: 0.1, nesterov: false }]],
    GradScaler: [(...given) => new optim.GradScaler(...(given as [])), [{ initScale: 2, growthInterval: 3 }]],
    Proximal: [(...given) => new optim.Proximal(...(given as unknown as [never, never])), [[parameter()], 0.1]],
    ...Object.fromEntries(
      Object.entries(operators).map(([name, given]) => [name, [F[name as 'relu'] as never, given]]),
    ),
    ...Object.fromEntries(
      Object.entries(layers).map(([name, given]) => {
        const Layer = nn[name as 'Linear'] as new (...args: unknown[]) => unknown
        return [name, [(...args: unknown[]) => new Layer(...args), given]]
      }),
    ),
  }
  for (const [name, [call, given]] of Object.entries(others)) {
    const tried = (at: number, bad: unknown) => given.map((value, i) => (i === at ? bad : value)) as never[]
    const refuses = async (args: never[]) => {
      const message = await failure(async () => noGrad(() => call(...args)))
      assert.ok(message.startsWith(`${name}: `), `${name}: ${message}`)
    }
    noGrad(() => call(...(given as never[])))
    for (const [at, value] of given.entries()) {
      for (const bad of ['3', NaN, () => 3, { num_classes: 2 }, new Map([[1, 2]])]) {
        // A number of axes, or of NaN, may be what is asked for.
        if (Number.isNaN(bad) && (at === 1 || typeof value === 'number')) continue
        await refuses(tried(at, bad))
        if (Object.getPrototypeOf(value) !== Object.prototype) continue
        for (const key of Object.keys(value as object))
          if (!Number.isNaN(bad)) await refuses(tried(at, { ...(value as object), [key]: bad }))
      }
    }
  }
  const any = (value: unknown) => value as never
  refused(
    () => F.crossEntropy(x, x, { ignoreIndex: 1 }),
    'crossEntropy: ignoreIndex is for class numbers, got probabilities',
  )
  const leaf = tensor([1], [1])
  refused(() => (leaf.requiresGrad = any(1)), 'requiresGrad: value must be true or false, got 1')
  refused(() => (leaf.grad = any(0)), 'grad: must be null or a tensor like its leaf, f32 [1], got 0')
  refused(() => (engine.stepCounter = -1), 'engine: stepCounter must be a whole number of at least 0, got -1')
  refused(() => new nn.ModuleDict(any([3])), 'ModuleDict: takes pairs of name and module, got 3')
})

test.after(() => engine.dispose())
test.run()
