// What is made of an adapter's features: subgroups only of a fixed size, matrix units only by configurations that the
// kernels fit.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Info, capsOf } from '../../src/gpu/caps.js'

const test = suite('caps')
const ALL = ['subgroups', 'shader-f16', 'chromium-experimental-subgroup-matrix']
const config = (componentType: string, side: number, resultComponentType = 'f32', K = side) => ({
  componentType,
  resultComponentType,
  M: side,
  N: side,
  K,
})
const caps = (features: string[], info: Partial<Info>) =>
  capsOf(
    { features: new Set(features), limits: {} } as never,
    { vendor: '', subgroupMinSize: 4, subgroupMaxSize: 64, ...info },
    false,
  )

test('matrix units: f16 by 16 or 8, f32 by 8, in subgroups of 32 (asked for where they vary) or 8', () => {
  const fixed = { subgroupMinSize: 32, subgroupMaxSize: 32 }
  const both = [config('f16', 16), config('f32', 8)]
  const [half, single] = [
    { S: 16, E: 'f16', LANES: 32, PIN: 0 },
    { S: 8, E: 'f32', LANES: 32, PIN: 0 },
  ]
  const matrices = (info: Partial<Info>, features = ALL) => caps(features, info).matrices
  assert.equal(matrices({ ...fixed, subgroupMatrixConfigs: both }), { f16: half, f32: single })
  assert.equal(
    matrices({ vendor: 'apple', subgroupMatrixConfigs: [config('f16', 8, 'f16'), config('f32', 8)] }),
    { f32: single, f16: single },
    'f16 is stored, f32 multiplied',
  )
  const others = [config('f16', 16, 'f16'), config('f16', 16, 'f32', 8), config('u8', 16)]
  assert.equal(matrices({ ...fixed, subgroupMatrixConfigs: others }), {})
  const amd = { vendor: 'amd', subgroupMinSize: 32, subgroupMatrixConfigs: both }
  assert.equal(matrices(amd), {}, 'subgroups of any size')
  assert.equal(matrices(amd, [...ALL, 'subgroup-size-control']), { f16: { ...half, PIN: 1 } })
  const cpu = { subgroupMinSize: 8, subgroupMaxSize: 8, subgroupMatrixConfigs: [config('f16', 8)] }
  assert.equal(matrices(cpu), { f16: { S: 8, E: 'f16', LANES: 8, PIN: 0 } })
  assert.equal(matrices(fixed), {})
  for (const [missing, left] of [
    ['shader-f16', { f32: single }],
    ['subgroups', {}],
    [ALL[2], {}],
  ] as const) {
    const features = ALL.filter((feature) => feature !== missing)
    assert.equal(matrices({ ...fixed, subgroupMatrixConfigs: both }, features), left, `without ${missing}`)
  }
})

test('subgroups count where their size is fixed', () => {
  assert.is(caps(ALL, { subgroupMinSize: 8, subgroupMaxSize: 8 }).subgroupSize, 8)
  assert.is(caps(ALL, {}).subgroupSize, 0)
  assert.is(caps([], { subgroupMinSize: 8, subgroupMaxSize: 8 }).subgroupSize, 0)
})

test.run()
