// The figures of the notebook whose experiment is repeated here, and in what a run differs from it.
import { ratesOf } from '../stats/threshold.js'
import type { RunFacts } from './run.js'

const of = (model: string, counts: { tn: number; fp: number; fn: number; tp: number }) => ({
  model,
  confusion: counts,
  n: counts.tn + counts.fp + counts.fn + counts.tp,
  measures: ratesOf(counts),
})

/** As its confusion matrices give them; it reports no intervals, no AUC and no seed. */
export const NOTEBOOK = {
  source: 'a Kaggle notebook on Chest X-Ray Images (Pneumonia), PyTorch',
  settings: {
    imageSize: 224,
    resizeSize: 256,
    epochs: 20,
    batchSize: 16,
    lr: 1e-5,
    optimizer: 'adam',
    patience: 10,
    trainImages: 5216,
  },
  resnet18: of('ResNet18, layer4 and fc trained', { tn: 146, fp: 88, fn: 1, tp: 389 }),
  vit: of('ViT-B/16, all parameters trained', { tn: 148, fp: 86, fn: 2, tp: 388 }),
} as const

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)

/** What is not as in the notebook, in words. */
export function differences({ settings, images, weights }: RunFacts, key: 'resnet18' | 'vit'): string[] {
  const { imageSize, resizeSize, epochs, batchSize, lr, trainImages } = NOTEBOOK.settings
  const train = sum(images.train)
  const validation = images.validation && sum(images.validation)
  const test = sum(images.test)
  const said: string[] = []
  const add = (differs: boolean, text: string) => differs && said.push(text)
  add(key === 'vit' && settings.model !== 'vit-b16', `${settings.model} in place of ViT-B/16`)
  add(
    train !== trainImages,
    `${train.toLocaleString('en')} training images${validation ? ` and ${validation} for validation` : ''}, of about ` +
      `${trainImages.toLocaleString('en')} there`,
  )
  const own = NOTEBOOK[key].n
  const half = (n: number) => (196 * Math.sqrt((0.86 * 0.14) / n)).toFixed(1)
  add(
    test !== own,
    `${test} test images in place of ${own}: chance alone moves an accuracy near 86 % by ± ${half(test)} percentage ` +
      `points here and by ± ${half(own)} there`,
  )
  add(settings.imageSize !== imageSize, `images of ${settings.imageSize} px in place of ${imageSize}`)
  add(
    settings.imageSize === imageSize && settings.resizeSize !== resizeSize,
    settings.resizeSize
      ? `shorter side ${settings.resizeSize} before the crop in place of ${resizeSize}`
      : 'whole images squeezed into the square in place of the middle cut out',
  )
  add(settings.epochs !== epochs, `${settings.epochs} epochs at most in place of ${epochs}`)
  add(settings.batchSize !== batchSize, `batches of ${settings.batchSize} in place of ${batchSize}`)
  add(settings.lr !== lr, `learning rate ${settings.lr} in place of ${lr}`)
  if (!weights) said.push('fresh weights in place of pretrained ones')
  else {
    const absent = weights.missing.length
    add(absent > 0, `pretrained weights that lack ${absent} of ${weights.tensors} tensors, which start fresh`)
  }
  return said
}
