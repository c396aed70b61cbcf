// Budgets for reading a file, and what of a file's text may reach a terminal.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Budget } from '../../src/util/budget.js'
import { RadiogradError, fileError, printable } from '../../src/util/check.js'

const test = suite('budgets and printable text')

test('a budget stops at its limit, takes back, and refuses NaN', () => {
  const budget = new Budget('f', { entries: 10, pixels: 5 }, 60)
  budget.spend('entries', 10)
  budget.spend('pixels', 5)
  assert.throws(() => budget.spend('entries'), /^f: refused to read on, it asks for more than 10 entries$/)
  budget.release('pixels', 1)
  budget.spend('pixels')
  assert.throws(() => new Budget('f', { entries: 10 }, 60).spend('entries', NaN), /more than 10 entries/)
})

test('time is checked while something is spent', () => {
  const budget = new Budget('f', { entries: Infinity }, -1)
  assert.throws(() => {
    for (let i = 0; i < 2000; i++) budget.spend('entries')
  }, /takes more than -1 seconds/)
})

test('what a terminal would obey is written out, in errors too', () => {
  assert.is(
    printable('a\u001b]0;x\u0007\u009b\u2028\u202e\ud800é中😀'),
    'a\\u{1b}]0;x\\u{7}\\u{9b}\\u{2028}\\u{202e}\\u{d800}é中😀',
  )
  assert.is(new RadiogradError('x: bad \u001b[2J\n  next').message, 'x: bad \\u{1b}[2J next')
  assert.is(printable('x'.repeat(1000), 21), `${'x'.repeat(10)}…${'x'.repeat(10)}`)
})

test('a file’s refusal is one line of under 300 characters', () => {
  for (const [file, why] of [
    ['f', '\u0000'.repeat(1e6)],
    ['f'.repeat(5000), 'w'.repeat(5000)],
    ['f'.repeat(5000), 'short'],
  ]) {
    const { message } = fileError(file, why)
    assert.ok(message.length < 300, String(message.length))
    assert.match(message, /: /)
  }
  assert.is(fileError('/a/b.pth', 'is damaged').message, '/a/b.pth: is damaged')
})

test.run()
