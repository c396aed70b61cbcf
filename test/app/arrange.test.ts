// Picked files as a data set. Only names matter here: the files are empty.
import * as assert from 'uvu/assert'
import { suite } from 'uvu'
import { arrange } from '../../src/app/arrange.js'

const test = suite('arranged files')
const files = (...paths: string[]) => paths.map((path) => ({ path, blob: new Blob() }))
const pathsOf = (picked: ReturnType<typeof files>) => arrange(picked).files.map(({ path }) => path)

test('outer folders go, parts get the names of this program, what is no image of a class is left out', () => {
  const there = files('x/y/Training/A/1.png', 'x/y/Training/B/1.png', 'x/y/TEST/A/2.png', 'x/y/TEST/notes.txt')
  assert.equal(pathsOf(there), ['test/A/2.png', 'train/A/1.png', 'train/B/1.png'])
  assert.is(arrange(there).madeTest, false)
})

test('folders of classes alone get a test part by patient, always the same', () => {
  const named = [0, 1].flatMap((c) =>
    Array.from({ length: 40 }, (_, i) => `set/${'AB'[c]}/person${10 * c + Math.floor(i / 4)}_${i}.png`),
  )
  const { files: found, madeTest } = arrange(files(...named))
  assert.ok(madeTest)
  const people = (part: string) =>
    new Set(found.flatMap(({ path }) => (path.startsWith(part) ? [/person\d+/.exec(path)![0]] : [])))
  assert.equal([people('train').size, people('test').size], [16, 4])
  assert.not.ok([...people('train')].some((one) => people('test').has(one)))
  assert.equal(
    pathsOf(files(...[...named].reverse())),
    found.map(({ path }) => path),
  )
})

test.run()
