// Random transforms: what the GPU makes of given parameters is what torchvision makes; draws follow from the seed and
// keep to their ranges; texts of --augment.
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PlaneMap, type RandomTransform, unchanged } from '../../src/data/augment.js'
import { inverseAffine, perspectiveMap } from '../../src/data/augmentGeometry.js'
import { parseAugment } from '../../src/data/augmentText.js'
import { beta, drawMix, mixBatch } from '../../src/data/mix.js'
import * as transforms from '../../src/data/transforms.js'
import { F, Random, init, tensor } from '../../src/index.js'
import { failure } from '../errors.js'

const test = suite('augment')
const engine = await init({ seed: 0, tune: false })

interface Case {
  kind: string
  size: [number, number]
  data: string
  interpolation?: 'nearest' | 'bilinear'
  angle: number
  translate: [number, number]
  scale: number
  shear: [number, number]
  top: number
  left: number
  height: number
  width: number
  factors: number[]
  order: number[]
  corners: [number, number][]
  clip: number
  kernelSize: number
  sigma: number
}
const truth: { height: number; width: number; pixels: string; cases: Case[] } = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/data/augment.json', import.meta.url), 'utf8'),
)
const { height, width } = truth
const bytes = new Uint8Array(Buffer.from(truth.pixels, 'base64'))
const PLAIN = { mean: [0, 0, 0], std: [1, 1, 1] }
const IDENTITY = unchanged(height, width)

const MAPS: Record<string, (of: Case) => PlaneMap> = {
  rotate: ({ angle }) => inverseAffine(IDENTITY, { angle: -angle }),
  affine: (parameters) => inverseAffine(IDENTITY, parameters),
  hflip: () => transforms.RandomHorizontalFlip(1).draw(IDENTITY, new Random(0)).map,
  vflip: () => transforms.RandomVerticalFlip(1).draw(IDENTITY, new Random(0)).map,
  crop: ({ size, ...part }) => [part.width / size[1], 0, part.left, 0, part.height / size[0], part.top, 0, 0, 1],
  perspective: ({ corners }) => perspectiveMap(IDENTITY, corners),
  jitter: () => IDENTITY.map,
}

test('the GPU gives what torchvision gives', async () => {
  for (const of of truth.cases.filter(({ kind }) => kind in MAPS)) {
    const expected = new Float32Array(new Uint8Array(Buffer.from(of.data, 'base64')).buffer)
    const jitter = of.factors && tensor([[...of.factors, ...[0, 1, 2, 3].map((k) => of.order.indexOf(k))]])
    const y = F.normalizeImages(tensor(bytes, [1, height, width, 3]), tensor([[...MAPS[of.kind](of)]]), {
      ...PLAIN,
      size: of.size,
      interpolation: of.interpolation,
      jitter,
    })
    assert.equal(y.shape, [1, ...of.size, 3])
    const data = await y.data()
    const errors = data.map((value, i) => Math.abs(value - expected[i]))
    const mean = (errors.reduce((a, b) => a + b) / errors.length) * 255
    // Pillow cuts to whole grey levels what it samples; its flips and jitters of floats are exact.
    const limit = of.interpolation === 'bilinear' ? 1 : 1e-3
    assert.ok(mean < limit, `${of.kind} ${JSON.stringify(of.order ?? of.angle)}: ${mean} grey levels on average`)
  }
})

const floatsOf = ({ data }: Case) => new Float32Array(new Uint8Array(Buffer.from(data, 'base64')).buffer)
const caseOf = (kind: string) => truth.cases.find((of) => of.kind === kind)!
const levels = (of: Case) => Uint8Array.from(floatsOf(of), (value) => Math.round(255 * value))
const worst = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])))

test('tone curves are those of Pillow and OpenCV, to a level; an image with strength 0 stays', async () => {
  await F.loadAugmentShaders()
  for (const [kind, from] of [
    ['autocontrast', 'source'],
    ['equalize', 'source'],
    ['clahe', 'source'],
    ['clahe of larger', 'larger'],
  ]) {
    const of = caseOf(kind)
    const source = levels(caseOf(from))
    const [H, W] = of.size
    const twice = tensor(Uint8Array.of(...source, ...source), [2, H, W, 3])
    const strengths = tensor([[0], [of.clip ?? 1]])
    const y = await F.toneImages(twice, strengths, [kind.split(' ')[0] as F.Tone]).data()
    assert.equal(y.slice(0, source.length), source)
    assert.ok(worst(y.slice(source.length), levels(of)) <= 1, kind)
  }
  // One after the other, each with a column of its own.
  const [H, W] = caseOf('source').size
  const images = tensor(levels(caseOf('source')), [1, H, W, 3])
  const both = await F.toneImages(images, tensor([[1, 1]]), ['autocontrast', 'equalize']).data()
  const first = F.toneImages(images, tensor([[1]]), ['autocontrast'])
  assert.equal(both, await F.toneImages(first, tensor([[1]]), ['equalize']).data())
})

test("the blur is torchvision's; an image without stays", async () => {
  await F.loadAugmentShaders()
  const { kernelSize, sigma, ...of } = caseOf('blur')
  const image = Float32Array.from(bytes, (byte) => byte / 255)
  const effects = tensor(
    [sigma, 0].flatMap((blur, i) => [1, i, ...Array<number>(10).fill(0), blur, 0, 0, 0]),
    [2, 16],
  )
  const x = tensor(Float32Array.of(...image, ...image), [2, height, width, 3])
  const y = await F.imageEffects(x, effects, { ...PLAIN, kernelSize }).data()
  assert.ok(worst(y.subarray(0, image.length), floatsOf({ ...of, kernelSize, sigma })) < 1e-5)
  assert.equal(y.slice(image.length), image)
})

test('draws keep to their ranges, whatever is drawn', () => {
  const crop = transforms.RandomResizedCrop([20, 30], { scale: [0.2, 1], ratio: [0.5, 2] })
  const jitter = transforms.ColorJitter({ brightness: 0.4, contrast: [0.9, 2], hue: 0.1 })
  const moved = transforms.RandomAffine(0, { translate: [0.5, 0.25], scale: [2, 2] })
  const erasing = transforms.RandomErasing(1, { scale: [0.1, 0.3] })
  const perspective = transforms.RandomPerspective(0.3, 1)
  const places = new Set<string>()
  for (let seed = 0; seed < 500; seed++) {
    const view = crop.draw(IDENTITY, new Random(seed))
    const [a, b, left, d, e, top] = view.map
    assert.equal([view.height, view.width, b, d, ...view.map.slice(6)], [20, 30, 0, 0, 0, 0, 1])
    assert.ok(left >= 0 && top >= 0 && left + 30 * a <= width && top + 20 * e <= height, `${view.map}`)
    assert.ok(30 * a * 20 * e > 0.15 * width * height, `${view.map}`)
    // The box is that of the cut-out part, as transforms before have left it.
    const [t, l, bottom, right] = erasing.draw(view, new Random(seed)).erased
    assert.ok(t >= 0 && l >= 0 && bottom <= 20 && right <= 30 && (bottom - t) * (right - l) > 20)
    const seen = perspective.draw(IDENTITY, new Random(seed)).map
    const corner = (x: number, y: number) => {
      const [X, Y, w] = [0, 3, 6].map((row) => seen[row] * x + seen[row + 1] * y + seen[row + 2])
      return [X / w, Y / w]
    }
    // The image lies inside of its frame: the frame's corners show at most its corners.
    assert.ok(Math.min(...corner(0, 0)) < 1e-9, `${seen}`)
    const [right1, bottom1] = corner(width - 1, height - 1)
    assert.ok(right1 > width - 1 - 1e-9 || bottom1 > height - 1 - 1e-9, `${seen}`)
    const [brightness, contrast, saturation, hue, ...order] = jitter.draw(IDENTITY, new Random(seed)).jitter
    assert.ok(brightness >= 0.6 && brightness < 1.4 && contrast >= 0.9 && contrast < 2 && Math.abs(hue) <= 0.1)
    assert.is(saturation, 1)
    assert.equal([...order].sort(), [0, 1, 2, 3])
    places.add(order.join())
    const [zoom, , x, , , y] = moved.draw(IDENTITY, new Random(seed)).map
    assert.is(zoom, 0.5)
    assert.ok(Math.abs(x - width / 4) <= width / 4 && Math.abs(y - height / 4) <= height / 8, `${x} ${y}`)
  }
  assert.is(places.size, 24)
})

test('shares of a mixture are Beta variates, also for the smallest and largest parameters', () => {
  for (const alpha of [1e-3, 0.2, 1, 4, 100]) {
    const random = new Random(7)
    const drawn = Array.from({ length: 4000 }, () => beta(alpha, random))
    assert.ok(drawn.every((share) => share >= 0 && share <= 1))
    const mean = drawn.reduce((a, b) => a + b) / drawn.length
    const variance = drawn.reduce((sum, share) => sum + (share - mean) ** 2, 0) / drawn.length
    const expected = 1 / (4 * (2 * alpha + 1))
    assert.ok(Math.abs(mean - 0.5) < 4 * Math.sqrt(expected / 4000), `${alpha}: mean ${mean}`)
    assert.ok(Math.abs(variance / expected - 1) < 0.1, `${alpha}: variance ${variance} of ${expected}`)
  }
})

test('batches are mixed as their labels say, by mixup or cutmix, and the GPU mixes them', async () => {
  await F.loadAugmentShaders()
  const kinds = new Set<string>()
  const [count, H, W] = [3, 6, 8]
  const x = Float32Array.from({ length: count * H * W * 3 }, (_, i) => Math.sin(i))
  const labels = [0, 2, 1]
  for (let seed = 0; seed < 30; seed++) {
    const mixed = drawMix({ mixup: 1, cutmix: 1 }, [count, H, W], new Random(seed))
    const effects = Float32Array.from([0, 1, 2].flatMap((i) => [1, i, ...Array<number>(14).fill(0)]))
    const targets = mixBatch(mixed, labels, 3, effects)
    const y = await F.imageEffects(tensor(x, [count, H, W, 3]), tensor(effects, [count, 16]), PLAIN).data()
    mixed.forEach(({ share, partner, box: [top, left, bottom, right], labelShare }, image) => {
      assert.is(partner, (image + 2) % 3)
      assert.is(Math.fround(labelShare), targets[3 * image + labels[image]])
      assert.is(Math.fround(1 - labelShare), targets[3 * image + labels[partner]])
      let own = 0
      for (let at = 0; at < H * W; at++) {
        const [row, column] = [Math.floor(at / W), at % W]
        const inside = row >= top && row < bottom && column >= left && column < right
        own += inside ? 0 : share / (H * W)
        for (let c = 0; c < 3; c++) {
          const [mine, other] = [image, partner].map((of) => x[3 * (of * H * W + at) + c])
          const expected = inside ? other : share * mine + (1 - share) * other
          assert.ok(Math.abs(y[3 * (image * H * W + at) + c] - expected) < 1e-6)
        }
      }
      assert.ok(Math.abs(own - labelShare) < 1e-12)
      kinds.add(share === 1 ? 'cutmix' : 'mixup')
    })
  }
  assert.is(kinds.size, 2)
})

test('the GPU adds noise that follows from its key and stays in the range of colours, and erases boxes', async () => {
  await F.loadAugmentShaders()
  const [count, side] = [4, 64]
  const size = side * side * 3
  const box = [8, 10, 20, 40] // top, left, bottom, right
  const noises = [
    [0.1, 5],
    [0.1, 5],
    [0.1, 6],
    [2, 5],
  ]
  const effects = noises.flatMap((noise, i) => [1, i, ...noise, 0, 0, 0, 0, ...box, 0, 0, 0, 0])
  const x = tensor(new Float32Array(count * size).fill(0.5), [count, side, side, 3])
  const y = await F.imageEffects(x, tensor(effects, [count, 16]), PLAIN).data()
  const kept = noises.map((_, image) => {
    const values: number[] = []
    for (let at = 0; at < side * side; at++) {
      const [row, column] = [Math.floor(at / side), at % side]
      const erased = row >= box[0] && column >= box[1] && row < box[2] && column < box[3]
      const pixel = [...y.subarray(image * size + 3 * at, image * size + 3 * at + 3)]
      if (erased) assert.equal(pixel, [0, 0, 0])
      else values.push(...pixel)
    }
    return values
  })
  const mean = kept[0].reduce((a, b) => a + b) / kept[0].length
  const deviation = Math.sqrt(kept[0].reduce((sum, v) => sum + (v - mean) ** 2, 0) / kept[0].length)
  assert.ok(Math.abs(mean - 0.5) < (4 * 0.1) / Math.sqrt(kept[0].length), `mean ${mean}`)
  assert.ok(Math.abs(deviation - 0.1) < 0.003, `deviation ${deviation}`)
  assert.equal(kept[1], kept[0])
  assert.not.equal(kept[2], kept[0])
  assert.is(Math.min(...kept[3]), 0)
  assert.is(Math.max(...kept[3]), 1)
})

test('what a text names: presets, a list, each anew', () => {
  const kinds = (text: string) => parseAugment(text).map(({ kind }) => kind)
  assert.equal(kinds('none'), [])
  assert.equal(kinds('notebook'), ['RandomHorizontalFlip'])
  assert.equal(kinds('strong').at(-1), 'ColorJitter')
  assert.equal(kinds('hue=0.1,rotate=10, jitter=0.2'), ['RandomRotation', 'ColorJitter'])
  const all = 'erase=0.2,noise=0.05,blur=1.5,jitter=0.2,perspective=0.3,clahe=0.5,equalize=0.1,autocontrast=0.1'
  const order = ['RandomClahe', 'RandomEqualize', 'RandomAutocontrast', 'RandomPerspective', 'ColorJitter']
  assert.equal(kinds(all), [...order, 'GaussianBlur', 'GaussianNoise', 'RandomErasing'])
  assert.is(parseAugment('blur=1.5')[0].kernelSize, 7)
  // Of the image's own size, whatever that is.
  const [crop] = parseAugment('crop=0.5')
  const drawn = (transform: RandomTransform) => transform.draw(unchanged(40, 60), new Random(3))
  assert.equal(drawn(crop), drawn(transforms.RandomResizedCrop([40, 60], { scale: [0.5, 1] })))
  assert.equal([crop.size, drawn(crop).width, drawn(crop).map[0] < 1], [undefined, 60, true])
})

test('misuse names the transform and the rule', async () => {
  const { ColorJitter, Normalize, RandomAffine, RandomResizedCrop, RandomRotation, ToTensor, compose } = transforms
  const rule =
    'augment: must be none, notebook, strong, or a list of flip, vflip, rotate, translate, scale, crop, ' +
    'shear, perspective, autocontrast, equalize, clahe, blur, noise, erase, jitter, saturation, hue as in ' +
    'flip=0.5,rotate=10, got '
  const cases: [() => unknown, string][] = [
    ...[
      'flip=0.5,flip=0.2',
      '',
      'weak',
      'rotate',
      'rotate=',
      'rotate=1=2',
      'rotate=x',
      'constructor=1',
      'flip=0.5,',
    ].map((text): [() => unknown, string] => [() => parseAugment(text), `${rule}'${text}'`]),
    [() => parseAugment('flip=2'), `${rule}'flip=2' (RandomHorizontalFlip: p must be in 0..1, got 2)`],
    [() => parseAugment('blur=0'), `${rule}'blur=0' (GaussianBlur: sigma must be above 0 or [low, high], got [0,0])`],
    [() => transforms.GaussianBlur(4), 'GaussianBlur: kernelSize must be odd, got 4'],
    [() => transforms.RandomClahe(0.5, 0), 'RandomClahe: clipLimit must be above 0, got 0'],
    [() => transforms.RandomPerspective(2), 'RandomPerspective: distortionScale must be in 0..1, got 2'],
    [
      () => compose([ToTensor(), transforms.RandomErasing(), Normalize(0.5, 0.5)]),
      'Compose: Normalize must come before RandomErasing, got it after',
    ],
    [() => compose([transforms.GaussianNoise()]), 'Compose: GaussianNoise must come after ToTensor, got it before'],
    [() => RandomRotation([20, 10]), 'RandomRotation: degrees must be a number or [low, high], got [20,10]'],
    [() => RandomAffine(0, { translate: [2, 0] }), 'RandomAffine: translate must be two shares in 0..1, got [2,0]'],
    [() => RandomAffine(0, { scale: [0, 1] }), 'RandomAffine: scale must be [low, high], got [0,1]'],
    [() => RandomResizedCrop(0), 'RandomResizedCrop: size must be a positive integer or [height, width], got 0'],
    [() => RandomResizedCrop(9, { scale: [0, 2] }), 'RandomResizedCrop: scale must be [low, high] in 0..1, got [0,2]'],
    [() => transforms.MixUp(-1), 'MixUp: alpha must be a number of 0 or more, got -1'],
    [() => ColorJitter({ hue: 0.6 }), 'ColorJitter: hue must be a number or [low, high], got 0.6'],
    [() => ColorJitter({ contrast: -1 }), 'ColorJitter: contrast must be a number ≥ 0 or [low, high], got -1'],
    [
      () => compose([ColorJitter(), RandomRotation(5), ToTensor()]),
      'Compose: RandomRotation must come before ColorJitter, got it after',
    ],
    [
      () => compose([ColorJitter(), ColorJitter(), ToTensor()]),
      'Compose: ColorJitter must appear at most once, got it twice',
    ],
    [
      () => compose([ToTensor(), Normalize(0.5, 0.5), RandomRotation(5)]),
      'Compose: RandomRotation must come before Normalize, got it after',
    ],
  ]
  for (const [run, message] of cases) assert.is(await failure(run), message)
})

test.after(() => engine.dispose())
test.run()
