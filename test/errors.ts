// What must fail, and with which message. Not a test.
import * as assert from 'uvu/assert'
import { RadiogradError } from '../src/util/check.js'

/** Checks that `work` throws an error of this message. uvu's own `assert.throws` compares no text. */
export function refused(work: () => unknown, message: string): void {
  assert.throws(work, (error: Error) => (assert.is(error.message, message), true))
}

/** The message `run` fails with; checks that it is one line of a RadiogradError. */
export async function failure(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    assert.instance(error, RadiogradError, String((error as Error).stack))
    const { message } = error as Error
    assert.not.match(message, '\n')
    return message
  }
  throw new Error('must fail, got a result')
}
