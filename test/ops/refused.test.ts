// What operators and functions that create tensors refuse, each in one line that names the rule and what was given.
import { suite } from 'uvu'
import { F, arange, full, init, nn, noGrad, ones, onesLike, optim, rand, tensor, zeros } from '../../src/index.js'
import { refused } from '../errors.js'

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
  refused(() => onesLike(any([1])), "onesLike: 'x' must be a tensor, got 1")
  refused(() => F.sub(any(1), any(2)), 'sub: needs a tensor, got 1 and 2')
  refused(() => F.maximum(x, any('3')), "maximum: 'b' must be a tensor, got 3")
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
  refused(() => F.elu(x, { alpha: any('1') }), 'elu: alpha must be a number, got 1')
  refused(() => F.max(x, any('1')), 'max: dim must be a number or a list of them, got 1')
  refused(() => F.max(x, any({ dim: [0] })), 'max: dim must be one axis, got 0')
  refused(() => F.argmax(x, any({ axis: 0 })), "argmax: unknown option 'axis', it takes dim, keepdim")
  refused(() => F.amax(x, 2), 'amax: dim must be between -1 and 0, got 2')
  refused(() => F.sum(x, any({ dims: 0 })), "sum: unknown option 'dims', it takes dim, keepdim")
  refused(() => F.mean(any([1])), "mean: 'x' must be a tensor, got 1")
  refused(() => F.topk(x, 3), 'topk: k must be between 1 and 2, got 3')
  refused(() => F.norm(x, { p: any('2') }), 'norm: p must be a number, got 2')
  refused(() => F.softmax(x, any(undefined)), 'softmax: options must be an object, got undefined')
  refused(() => F.logSoftmax(x, any({})), 'logSoftmax: dim must be between -1 and 0, got undefined')
  refused(() => F.std(x, { correction: any('0') }), 'std: correction must be a number, got 0')
  refused(() => F.cumsum(x, 1), 'cumsum: dim must be between -1 and 0, got 1')
  const column = ones([2, 1])
  refused(() => F.mseLoss(x, column), 'mseLoss: input and target must have one shape, got [2] and [2, 1]')
  refused(() => F.mseLoss(x, any(1)), "mseLoss: 'target' must be a tensor, got 1")
  refused(() => F.l1Loss(x, x, { reduction: any('avg') }), 'l1Loss: reduction must be mean, sum, none, got avg')
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
  refused(() => F.crossEntropy(column, any([0, 1])), "crossEntropy: 'target' must be a tensor, got 0,1")
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
  refused(() => F.dropout(x, any('0.5')), 'dropout: p must be between 0 and 1, got 0.5')
  refused(
    () => F.maxPool2d(ones([1, 2, 2, 1]), any({})),
    /* as for all pairs */ `maxPool2d: kernelSize ${PAIR}, got undefined`,
  )
  refused(() => F.layerNorm(x, [2], null, null, { eps: NaN }), 'layerNorm: eps must be a number of at least 0, got NaN')
  const options = any({ eps: 1e-3 })
  const norm = new nn.BatchNorm2d(1, options)
  refused(() => norm.forward(ones([1, 2, 2, 1])), 'batchNorm: eps must be a number of at least 0, got {"eps":0.001}')
})

test('whatever is given for a tensor or a list is refused by the function that was called', () => {
  const x = ones([2, 3])
  const whole = tensor(new Int32Array(6), [2, 3])
  const any = (value: unknown) => value as never
  for (const bad of [undefined, null, 3, [1], {}]) {
    const rule = (name: string) => `'${name}' must be a tensor, got ${String(bad)}`
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
    refused(() => F.expand(x, any(bad)), `expand: the shape must be a list, got ${bad}`)
    refused(() => F.layerNorm(x, any(bad)), `layerNorm: normalizedShape must be a list, got ${bad}`)
    refused(() => F.pad(x, any(bad)), `pad: padding must be a list, got ${bad}`)
    refused(() => F.repeat(x, any(bad)), `repeat: counts must be a list, got ${bad}`)
    refused(() => F.cat(any(bad)), `cat: tensors must be a list, got ${bad}`)
  }
  refused(() => F.flip(x, any(null)), 'flip: dim must be a number or a list of them, got null')
  refused(() => F.squeeze(x, any('0')), 'squeeze: dim must be a number or a list of them, got 0')
  for (const bad of [0, -1, NaN])
    refused(() => F.split(x, bad), `split: sizes must be positive integers that add up to the 2 of dim 0, got ${bad}`)
  const takes = "'x' takes f32 or f16, got i32; cast it"
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
    'ZeroPad2d: padding must be a number or [left, right, top, bottom], got null',
  )
})

test.after(() => engine.dispose())
test.run()
