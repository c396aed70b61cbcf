// The public names of the data folder.
import type { checkDataset as ChecksDataset, checkFiles as ChecksFiles } from './checkFiles.js'

export type { BadFile, CheckOptions } from './checkFiles.js'
export { DataLoader, type Batch, type DataLoaderOptions } from './dataLoader.js'
export { decodeImage, type DecodeOptions } from './decode.js'
export { DecodePool, type DecodePoolOptions, defaultWorkers } from './decodePool.js'
export { loadImage } from './decodeTask.js'
export type { Image } from './image.js'
export { ImageFolder, subset, type Dataset, type PickedFile, type Sample } from './imageFolder.js'
export { describePatients, findPatients, patientOf, type Patients } from './patients.js'
export { Random } from '../util/random.js'
export { computeClassWeight, countLabels, oversample, splitByPatient, stratifiedSubset } from './split.js'
export { drawRadiograph, drawSegmented, SYNTHETIC_CLASSES, syntheticFiles, type SyntheticOptions } from './synthetic.js'
export * as transforms from './transforms.js'

// What reads every file is loaded when it is wanted.
/**
 * The pictures that cannot be decoded, in the order of the samples.
 * @throws for an unknown option.
 */
export const checkFiles: typeof ChecksFiles = async (samples, options) =>
  (await import('./checkFiles.js')).checkFiles(samples, options)

/**
 * A data set of which every picture can be read, as far as {@link checkFiles} sees: the same one, or with
 * `skipUnreadable` what is left of it, each picture left out told to `onWarning`.
 * @throws {RadiogradError} naming every bad picture, or a class of which none is left.
 */
export const checkDataset: typeof ChecksDataset = async (dataset, options) =>
  (await import('./checkFiles.js')).checkDataset(dataset, options)
