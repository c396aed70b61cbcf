// ImageFolder: what counts as a class and as an image, order, picked files, and folders that must be refused.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ImageFolder, subset } from '../../src/data/imageFolder.js'
import { compose, ToTensor } from '../../src/data/transforms.js'
import { failure, folderOf } from './fixtures.js'

const test = suite('ImageFolder')
const transform = compose([ToTensor()])
const open = (dir: string): ImageFolder => new ImageFolder(dir, { transform })

test('classes are sorted, extensions count in any case, hidden files do not', () => {
  const dir = folderOf({
    'b/2.PNG': '',
    'b/10.jpg': '',
    'b/sub/1.Jpeg': '',
    'b/.DS_Store': '',
    'b/.x.jpeg': '',
    'b/notes.txt': '',
    'a/z.jpeg': '',
    '.git/x.png': '',
    'README.md': '',
    'top.png': '',
  })
  const data = open(dir)
  assert.equal(data.classes, ['a', 'b'])
  assert.equal(data.classToIdx, { a: 0, b: 1 })
  assert.equal(
    data.samples.map((s) => [s.path.slice(dir.length + 1), s.label]),
    [
      ['a/z.jpeg', 0],
      ['b/10.jpg', 1],
      ['b/2.PNG', 1],
      ['b/sub/1.Jpeg', 1],
    ],
  )
})

test('a root inside the folder', () => {
  const dir = folderOf({ 'train/a/1.png': '', 'train/b/1.png': '', 'test/c/1.png': '' })
  assert.equal(new ImageFolder(dir, { transform, root: 'train' }).classes, ['a', 'b'])
})

test('folders that hold no data set are refused by name', async () => {
  const empty = folderOf({})
  assert.is(
    await failure(() => open(empty)),
    `${empty}: must hold one folder of images for each of two or more classes, got []`,
  )
  const single = folderOf({ 'NORMAL/1.jpeg': '', 'loose.jpeg': '' })
  assert.is(
    await failure(() => open(single)),
    `${single}: must hold one folder of images for each of two or more classes, got [NORMAL]`,
  )
  const hollow = folderOf({ 'NORMAL/1.jpeg': '', 'PNEUMONIA/.hidden.jpeg': '' })
  assert.is(await failure(() => open(hollow)), `${hollow}/PNEUMONIA: must hold .jpeg, .jpg or .png images, got none`)
  assert.is(
    await failure(() => open(`${empty}/absent`)),
    `${empty}/absent: must be a folder that can be read, got ENOENT`,
  )
})

test('files picked in a page', async () => {
  const picked = (path: string) =>
    Object.assign(new Blob(['x']), { webkitRelativePath: path, name: path.replace(/.*\//, '') })
  const data = new ImageFolder(
    ['set/train/b/1.png', 'set/train/a/2.jpeg', 'set/test/c/3.png', 'set/train/a/.x.png'].map(picked),
    { transform, root: 'train' },
  )
  assert.equal(
    data.samples.map((s) => [s.path, s.label]),
    [
      ['a/2.jpeg', 0],
      ['b/1.png', 1],
    ],
  )
  const blobs = new ImageFolder(
    [
      { path: 'a/1.png', blob: new Blob() },
      { path: 'b/1.png', blob: new Blob() },
    ],
    { transform },
  )
  assert.equal(
    blobs.samples.map((s) => s.path),
    ['a/1.png', 'b/1.png'],
  )
  assert.match(
    await failure(() => new ImageFolder([picked('set/a/1.png')], { transform })),
    'picked files: must hold one folder',
  )
})

test('a subset keeps classes and may change the transform', async () => {
  const data = open(folderOf({ 'a/1.png': '', 'b/1.png': '', 'b/2.png': '' }))
  const other = compose([ToTensor()])
  const part = subset(data, [2, 0], other)
  assert.equal(
    [part.samples.map((s) => s.label), part.classes],
    [
      [1, 0],
      ['a', 'b'],
    ],
  )
  assert.is(part.transform, other)
  assert.is(await failure(() => subset(data, [3])), 'subset: indices must be below 3, got 3')
})

test.run()
