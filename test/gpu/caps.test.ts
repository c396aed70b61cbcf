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

test('matrix units: f16 by 16, f32 by 8, in subgroups of 32', () => {
  const fixed = { subgroupMinSize: 32, subgroupMaxSize: 32 }
  const both = [config('f16', 16), config('f32', 8)]
  assert.equal(caps(ALL, { ...fixed, subgroupMatrixConfigs: both }).matrices, ['f16', 'f32'])
  assert.equal(
    caps(ALL, { vendor: 'apple', subgroupMatrixConfigs: [config('f16', 8, 'f16'), config('f32', 8)] }).matrices,
    ['f32'],
  )
  assert.equal(
    caps(ALL, {
      ...fixed,
      subgroupMatrixConfigs: [config('f16', 16, 'f16'), config('f16', 16, 'f32', 8), config('u8', 16)],
    }).matrices,
    [],
  )
  assert.equal(caps(ALL, { vendor: 'amd', subgroupMatrixConfigs: both }).matrices, [], 'subgroups of any size')
  assert.equal(caps(ALL, fixed).matrices, [])
  for (const [missing, left] of [
    ['shader-f16', ['f32']],
    ['subgroups', []],
    [ALL[2], []],
  ] as const) {
    assert.equal(
      caps(
        ALL.filter((feature) => feature !== missing),
        { ...fixed, subgroupMatrixConfigs: both },
      ).matrices,
      left,
      `without ${missing}`,
    )
  }
})

test('subgroups count where their size is fixed', () => {
  assert.is(caps(ALL, { subgroupMinSize: 8, subgroupMaxSize: 8 }).subgroupSize, 8)
  assert.is(caps(ALL, {}).subgroupSize, 0)
  assert.is(caps([], { subgroupMinSize: 8, subgroupMaxSize: 8 }).subgroupSize, 0)
})

test.run()
