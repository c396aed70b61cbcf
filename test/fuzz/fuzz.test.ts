// A short run of every fuzzer; long ones by `npm run fuzz`. Time is left to those: no verdict
// here depends on the speed of the machine.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fuzz } from './harness.js'

const test = suite('fuzzing')

for (const name of ['safetensors', 'pth', 'images']) {
  test(name, async () => {
    const { findings, tried, accepted, refused } = await fuzz(name, { count: 2400 })
    assert.equal(
      findings.filter(({ kind }) => kind !== 'hang'),
      [],
    )
    assert.is(tried, 2400)
    // Neither everything nor nothing, or the inputs are none.
    assert.ok(accepted > 100 && refused > 100, `${accepted} accepted, ${refused} refused`)
  })
}

test.run()
