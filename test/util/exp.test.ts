// e^x by arithmetic alone.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { exp } from '../../src/util/exp.js'

const test = suite('exp')

test('within one unit in the last place of this engine’s own, over the whole range', () => {
  let worst = 0
  for (let i = 0; i <= 100_000; i++) {
    const x = -708 + (1417 * i) / 100_000
    worst = Math.max(worst, Math.abs(exp(x) / Math.exp(x) - 1))
  }
  assert.ok(worst < 2.3e-16, `${worst}`)
  for (const x of [-1e-300, -1e-17, -1e-9, 1e-9, 0.34, 0.35, -0.35])
    assert.ok(Math.abs(exp(x) / Math.exp(x) - 1) < 2.3e-16, `${x}`)
})

test('the ends', () => {
  assert.equal([exp(0), exp(-0), exp(-Infinity), exp(Infinity), exp(710)], [1, 1, 0, Infinity, Infinity])
  assert.ok(Number.isNaN(exp(NaN)))
  assert.ok(Math.abs(exp(-740) / 4.2e-322 - 1) < 0.01, `${exp(-740)}`)
  assert.is(exp(-746), 0)
})

test.run()
