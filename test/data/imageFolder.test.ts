// ImageFolder: what counts as a class and as an image, order, picked files, and folders that must be refused.
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ImageFolder, subset } from '../../src/data/imageFolder.js'
import { compose, ToTensor } from '../../src/data/transforms.js'
import { folderOf } from './fixtures.js'
import { failure } from '../errors.js'

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

test('what is left out is said in a line each, and nothing of it stops or hangs the listing', async () => {
  const dir = folderOf({
    'a/1.png': '',
    'a/deep/er/2.jpg': '',
    'a/3.bmp': '',
    'a/4.DCM': '',
    'a/5.dcm': '',
    'a/._1.png': '',
    'b/1.jpeg': '',
    'b/sub/2.jpeg': '',
    '__MACOSX/a/._1.png': '',
    'c/slide.tif': '',
  })
  symlinkSync(dir, join(dir, 'a', 'up'))
  symlinkSync('self', join(dir, 'a', 'self'))
  symlinkSync('gone.png', join(dir, 'b', 'link.png'))
  symlinkSync(join(dir, 'b', 'sub'), join(dir, 'a', 'other'))
  symlinkSync(join(dir, 'b', 'sub'), join(dir, 'a', 'other2'))
  writeFileSync(Buffer.concat([Buffer.from(join(dir, 'b') + '/'), Buffer.of(0xe9, 0x2e, 0x70, 0x6e, 0x67)]), '')
  assert.is(await failure(() => open(dir)), `${dir}/c: must hold .jpeg, .jpg or .png images, got 1 .tif files`)
  writeFileSync(join(dir, 'c', '1.png'), '')
  const { classes, samples, notes } = open(dir)
  assert.equal(classes, ['a', 'b', 'c'])
  const listed = samples.map((s) => s.path.slice(dir.length + 1).replace('other2', 'other'))
  assert.equal(listed.sort(), ['a/1.png', 'a/deep/er/2.jpg', 'a/other/2.jpeg', 'b/1.jpeg', 'b/sub/2.jpeg', 'c/1.png'])
  const said = notes.map((note) => note.slice(dir.length + 2))
  assert.is(said.length, 6)
  assert.is(said[0], 'left out 2 .dcm, 1 .bmp and 1 .tif files; only .jpeg, .jpg and .png are read')
  assert.match(said[1], 'left out 2 hidden images (names that begin with a dot, __MACOSX): ')
  assert.is(said[2], 'left out 1 names that are not UTF-8: b/\ufffd.png')
  assert.match(said[3], 'left out 2 links that lead nowhere: ')
  assert.is(said[4], 'left out 1 links that lead back to a folder they are in: a/up')
  assert.match(said[5], 'left out 1 links to folders listed already: a/other')
  const picked = [
    { path: 'a/1.png', blob: new Blob() },
    { path: 'b/1.png', blob: new Blob() },
  ]
  const more = [...picked, { path: 'b/2.gif', blob: new Blob() }, { path: '__MACOSX/x/.2.png', blob: new Blob() }]
  assert.is(new ImageFolder(more, { transform }).notes.length, 2)
  assert.equal(new ImageFolder(picked, { transform }).notes, [])
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
