// radiograd data: what it says, writes and refuses.
import * as assert from 'uvu/assert'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import { decodeImage } from '../../src/data/decode.js'
import { encodePng } from '../../src/data/encodePng.js'
import { drawRadiograph } from '../../src/data/synthetic.js'
import { radiograd, scratch } from './command.js'

const test = suite('data')
const dir = scratch()
const at = (name: string) => join(dir, name)
const SIZE = 40

function write(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(at(path)), { recursive: true })
  writeFileSync(at(path), bytes)
}

/** 36 pictures; those of PNEUMONIA have a white square in a corner. */
function marked(name: string): void {
  for (let i = 0; i < 36; i++) {
    const sick = i % 2 === 1
    const gray = drawRadiograph(i % 2, i, SIZE)
    if (sick) for (let y = 1; y < 5; y++) gray.fill(255, y * SIZE + 1, y * SIZE + 5)
    write(
      `${name}/${i < 26 ? 'train' : 'test'}/${sick ? 'PNEUMONIA' : 'NORMAL'}/p${i}.png`,
      encodePng(gray, SIZE, SIZE),
    )
  }
}

test('a marker is named; tree, duplicates with two labels, unreadable and left-out files; page and preview', async () => {
  marked('set')
  write('set/train/NORMAL/broken<1>.png', 'no picture')
  write('set/train/NORMAL/scan.dcm', 'x')
  cpSync(at('set/train/NORMAL/p0.png'), at('set/test/PNEUMONIA/copy.png'))
  const files = ['--html', at('out/audit.html'), '--preview', at('out/samples.png')]
  files.push('--preview-augment', at('out/augmented.png'), '--augment', 'rotate=10,clahe=1,erase=1')
  const { code, stdout, stderr } = await radiograd(['data', at('set'), ...files])
  assert.is(code, 0, stderr)
  for (const words of [
    /^data {6}.*set: 38 images/m,
    /^ {10}train\/ +27 /m,
    /^ {12}PNEUMONIA +13 +48 %/m,
    /^warning {3}1 group of identical images lies in more than one split.*train\/NORMAL\/p0\.png/m,
    /^warning {3}1 group of identical images has more than one label/m,
    /^warning {3}Shortcut: the border of the image alone.*tells PNEUMONIA/m,
    /^warning {3}1 image cannot be read: train\/NORMAL\/broken<1>\.png/m,
    /^warning {3}1 file left out, DICOM is not read.*scan\.dcm/m,
  ])
    assert.match(stdout, words)
  assert.equal(readdirSync(at('out')).sort(), ['audit.html', 'augmented.png', 'samples.png'])
  const variants = await decodeImage(readFileSync(at('out/augmented.png')), 'augmented.png')
  assert.ok(variants.width > 7 * 176 && variants.height > 4 * 176, 'two images of two classes, each seven times')
  const html = readFileSync(at('out/audit.html'), 'utf8')
  assert.match(html, 'broken&lt;1&gt;.png')
  assert.not.match(html, /https?:\/\/|<script/)
  assert.is(html.match(/<img src="data:image\/png;base64,/g)!.length, 8)
  assert.ok(html.length < 200_000, `${html.length} bytes`)
  const sheet = await decodeImage(readFileSync(at('out/samples.png')), 'samples.png')
  assert.ok(sheet.width > 6 * SIZE && sheet.data.includes(235), 'pictures and letters')

  const json = JSON.parse((await radiograd(['data', at('set'), '--json'])).stdout)
  assert.equal([json.images, json.classes, json.unreadable.length], [38, ['NORMAL', 'PNEUMONIA'], 1])
  assert.ok(json.findings.some((f: { text: string }) => /^Shortcut: the border/.test(f.text)))
})

/** A set of made-up pictures: how many of each class lie in each split. */
function set(name: string, splits: Record<string, Record<string, number>>): string {
  let seed = 0
  for (const [split, classes] of Object.entries(splits))
    for (const [of, n] of Object.entries(classes)) {
      mkdirSync(at(`${name}/${split}/${of}`), { recursive: true })
      for (let i = 0; i < n; i++)
        write(`${name}/${split}/${of}/${split}-${of}-${i}.png`, encodePng(drawRadiograph(0, ++seed, SIZE), SIZE, SIZE))
    }
  return name
}

test('an empty class, one without test images, one image, a patient on both sides: said in words, exit code 0', async () => {
  const says = async (name: string, ...lines: RegExp[]) => {
    const { code, stdout, stderr } = await radiograd(['data', at(name)])
    assert.is(code, 0, stderr)
    for (const line of lines) assert.match(stdout, line)
  }
  await says(
    set('odd', { train: { A: 1, B: 3, C: 0 }, test: { A: 2 } }),
    /^warning {3}Class C has no image in train\.$/m,
    /^warning {3}Class B has no image in test\.$/m,
    /^warning {3}Class A has one image in train: nothing can be held out of it\.$/m,
  )
  set('both', { train: { A: 2, B: 2 }, test: { A: 2, B: 2 } })
  write('both/train/A/person7_virus_1.png', encodePng(drawRadiograph(1, 98, SIZE), SIZE, SIZE))
  write('both/test/A/person7_bacteria_2.png', encodePng(drawRadiograph(1, 99, SIZE), SIZE, SIZE))
  await says(
    'both',
    /^warning {3}Patients in more than one split: by .*, 1 patient of train \(1 image\) is in test too .*: person7; by /m,
  )
})

test('nothing to train on: said, exit code 1; a missing folder, a wrong file name: one line, nothing written', async () => {
  write('one/NORMAL/a.png', encodePng(drawRadiograph(0, 1, SIZE), SIZE, SIZE))
  write('broken/NORMAL/a.png', 'x')
  write('broken/PNEUMONIA/b.jpeg', 'y')
  write('none/readme.txt', 'z')
  const ends = async (args: string[], message: RegExp, exit = 1) => {
    const { code, stderr } = await radiograd(['data', ...args])
    assert.is(code, exit)
    assert.match(stderr.trimEnd(), message)
    assert.is(stderr.trimEnd().split('\n').length, 1, stderr)
  }
  await ends([at('one')], /^radiograd: .*one: There is one class only, NORMAL/)
  await ends([at('broken')], /^radiograd: .*broken: No image can be read\.$/)
  await ends([at('none')], /^radiograd: .*none: There is no JPEG or PNG image in a class folder\.$/)
  await ends([at('nowhere'), '--html', at('no/a.html')], /^radiograd: .*nowhere: must be a folder/)
  for (const flag of ['--preview', '--preview-augment'])
    await ends(
      [at('set'), flag, at('no/a.jpg')],
      /^radiograd: option '--preview.* is invalid. It must be a \.png file\.$/,
      2,
    )
  assert.not(existsSync(at('no')))
  assert.is((await radiograd(['data'])).code, 2)
})

test.run()
