// The audit of a data set before training: `audit` of the public entry point.
import type { auditDataset as Audits } from './audit.js'
import type { samplePictures as Samples } from './samples.js'

export type { Audit, AuditOptions, ClassCount, Duplicates, Range, SplitCount } from './audit.js'
export { type Finding, auditFindings } from './findings.js'
export { type SamplePicture, contactSheet } from './preview.js'
export type { PatientKey, PatientOverlap } from './patients.js'
export type { Shortcut } from './shortcuts.js'
export type { LeftOut } from './tree.js'

/**
 * Looks through a folder of class folders, or of splits (train, val, test) of class folders.
 * @param source a path (Node), or the files picked in a page or given as `{ path, blob }`.
 * @throws RadiogradError where the folder cannot be listed, and the signal's reason once it aborts. A file that cannot
 * be read is part of the result.
 */
export const auditDataset: typeof Audits = async (source, options) =>
  (await import('./audit.js')).auditDataset(source, options) // a page that audits nothing does not load it

/**
 * Some pictures of each class, drawn at random from the first split (train before all others). What cannot be read is
 * passed over.
 * @param options.each of a class; 6. @param options.side the longer side in pixels; 192. @param options.seed 0.
 * @throws where the folder cannot be listed, and for an unknown option.
 */
export const samplePictures: typeof Samples = async (source, options) =>
  (await import('./samples.js')).samplePictures(source, options)
