// Splitting a pipeline into what workers do and what the GPU does; misuse is refused.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  Compose,
  compose,
  CenterCrop,
  Normalize,
  RandomHorizontalFlip,
  Resize,
  ToTensor,
  applyHost,
} from '../../src/data/transforms.js'
import { difference, expectedImage } from './fixtures.js'
import { failure } from '../errors.js'

const test = suite('transforms')

test('a training pipeline is split', () => {
  const { host, device } = compose([
    Resize([224, 200]),
    CenterCrop(200),
    RandomHorizontalFlip(),
    ToTensor(),
    Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
  ])
  assert.equal(host, [
    { kind: 'Resize', size: [224, 200] },
    { kind: 'CenterCrop', size: [200, 200] },
  ])
  const { random, ...rest } = device
  assert.equal(
    random.map(({ kind }) => kind),
    ['RandomHorizontalFlip'],
  )
  assert.equal(rest, { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] })
})

test('new is optional, one number serves three channels, what is absent changes nothing', () => {
  assert.equal(
    new Compose([new Resize(64), new ToTensor(), new Normalize(0.5, 0.25)]),
    Compose([Resize(64), ToTensor(), Normalize([0.5], [0.25])]),
  )
  assert.equal(compose([ToTensor()]), { host: [], device: { random: [], mean: [0, 0, 0], std: [1, 1, 1] } })
})

test('the host part runs in order', () => {
  const { host } = compose([Resize([60, 70]), CenterCrop([60, 70]), ToTensor()])
  assert.is(difference(applyHost(expectedImage('scene_61x47'), host), expectedImage('resize_60x70')), 0)
  assert.is(difference(applyHost(expectedImage('scene_61x47'), [Resize(32)]), expectedImage('shorter_32')), 0)
})

test('misuse names the transform and the rule', async () => {
  const cases: [() => unknown, string][] = [
    [() => Resize(0), 'Resize: size must be a positive integer or [height, width], got 0'],
    [() => CenterCrop([3, 2.5]), 'CenterCrop: size must be a positive integer or [height, width], got [3,2.5]'],
    [() => RandomHorizontalFlip(1.5), 'RandomHorizontalFlip: p must be in 0..1, got 1.5'],
    [() => Normalize([0, 0], 1), 'Normalize: mean must be one number or three, got [0,0]'],
    [() => Normalize(0, [1, 0, 1]), 'Normalize: std must be above 0, got [1,0,1]'],
    [() => compose([Resize(9)]), 'Compose: must contain ToTensor, got [Resize]'],
    [
      () => compose([ToTensor(), Resize(9)]),
      'Compose: Resize must come before what runs on the GPU, got it after ToTensor',
    ],
    [() => compose([Normalize(0, 1), ToTensor()]), 'Compose: Normalize must come after ToTensor, got it before'],
    [
      () => compose([RandomHorizontalFlip(), Resize(9), ToTensor()]),
      'Compose: Resize must come before what runs on the GPU, got it after RandomHorizontalFlip',
    ],
    [() => compose([ToTensor(), ToTensor()]), 'Compose: ToTensor must appear at most once, got it twice'],
  ]
  for (const [run, message] of cases) assert.is(await failure(run), message)
})

test.run()
