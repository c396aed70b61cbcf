// The audit of a data set before training: `audit` of the public entry point.
export {
  type Audit,
  type AuditOptions,
  type ClassCount,
  type Duplicates,
  type Range,
  type SplitCount,
  auditDataset,
} from './audit.js'
export { type Finding, auditFindings } from './findings.js'
export type { PatientKey, PatientOverlap } from './patients.js'
export type { Shortcut } from './shortcuts.js'
export type { LeftOut } from './tree.js'
