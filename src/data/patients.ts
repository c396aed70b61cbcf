// Which patient a picture is of, read from the names of files and folders: the schemes of the public sets of
// radiographs, folders by patient, or a pattern that the user gives. Two pictures of one patient must not be on both
// sides of a split, so where names leave a doubt, pictures are rather taken for the same patient's than for two.
import { matchAll } from '#platform/files'
import { SettingError } from '../util/check.js'

/** How patients are told apart in files named so. */
interface Scheme {
  readonly name: string
  /** The patient is the first group that matched, or else the whole match. */
  readonly pattern: RegExp
}

/** Tried in this order on the path, its ending left out: what a file's own name says comes before its folders'. */
const SCHEMES: readonly Scheme[] = [
  { name: 'person12_bacteria_3 (Kaggle chest X-rays)', pattern: /(?:^|\/)(person\d+)[_-][^/]*$/i },
  { name: 'IM-0115-0001 (Kaggle chest X-rays)', pattern: /(?:^|\/)((?:NORMAL\d*-)?IM-\d+)-[^/]*$/ },
  { name: '00000012_003 (NIH ChestX-ray14)', pattern: /(?:^|\/)(\d{8})_\d{3}(?:[^\d/][^/]*)?$/ },
  { name: 'CNV-1016042-1 (OCT and chest X-rays of Kermany et al.)', pattern: /(?:^|\/)[A-Za-z]+-(\d{2,})-\d+$/ },
  { name: 'p10000032/s50414267 (MIMIC-CXR)', pattern: /(?:^|\/)(p\d{8})[/_-]/ },
  {
    name: 'patient00012/study1/view1, sub-01, case12_3 (CheXpert, BIDS and others)',
    pattern: /(?:^|[/_-])((?:patient|subject|person|case|pat|pid|sub|pt|id)[-_ ]?\d+)(?![A-Za-z\d])/i,
  },
  { name: 'P_00012_LEFT_CC (CBIS-DDSM)', pattern: /(?:^|[/_-])(P[-_]?\d{3,})(?![A-Za-z\d])/ },
]
const FOLDERS = 'one folder each'
const NONE = 'none'

/** Folders are patients only where there are at least this many of them, and two in each class. */
const FEWEST_FOLDERS = 4

/** Paths and labels, as of a Dataset's samples. */
export type Labelled = ArrayLike<{ readonly path: string; readonly label: number }>

/** What was found out about the patients of a data set. */
export interface Patients {
  /** The patient of each sample, by a name that only they have. */
  readonly of: readonly string[]
  /** How many there are. */
  readonly count: number
  /** Each scheme that named some, with its pictures and patients. `none`: each picture counts as a patient. */
  readonly schemes: readonly { readonly name: string; readonly images: number; readonly patients: number }[]
  /** Whether every picture is its own patient, so that a split by patient keeps nobody together. */
  readonly allAlone: boolean
}

const stemOf = (path: string): string => path.replace(/^.*\//, '').replace(/\.[^.]*$/, '')
const withoutEnding = (path: string): string => path.replace(/\\/g, '/').replace(/\.[^./]*$/, '')

interface Entry {
  scheme: string
  patient: string
}

/** The patient by one of the named schemes. */
function named(path: string): Entry | undefined {
  const text = withoutEnding(path)
  for (const { name, pattern } of SCHEMES) {
    const match = pattern.exec(text)
    if (match) return { scheme: name, patient: match[1] }
  }
  return undefined
}

/**
 * The patient a file's name or folder tells: `person123_bacteria_1.jpeg` → `person123`, `IM-0115-0001.jpeg` →
 * `IM-0115`, `CNV-1016042-1.jpeg` → `1016042`, `00000001_000.png` → `00000001`,
 * `patient00001/study1/view1_frontal.jpg` → `patient00001`; any other name is a patient.
 */
export const patientOf = (path: string): string => named(path)?.patient ?? stemOf(path.replace(/\\/g, '/'))

/**
 * The patients of a whole data set. A file belongs to the first scheme that knows its name; files that none knows
 * belong to the first folder below their class's, where those are many enough to be patients, and else each to its own.
 * @param pattern instead of the schemes: a regular expression for the path from the class's folder on; its first group,
 *   or the whole match, is the patient. @throws {RadiogradError} where it is none, takes too long or matches nothing.
 */
export function findPatients(samples: Labelled, pattern?: string): Patients {
  const paths = Array.from(samples, ({ path }) => path.replace(/\\/g, '/').split('/'))
  const depth = classDepth(samples, paths)
  const below = paths.map((parts) => parts.slice(depth + 1))
  const found =
    pattern === undefined
      ? below.map((parts) => named(parts.join('/')))
      : byPattern(
          paths.map((parts) => parts.slice(Math.max(depth, 0)).join('/')),
          pattern,
        )
  const folders = pattern === undefined ? folderDepth(samples, found, below) : null
  const entries = below.map((parts, i): Entry => {
    const known = found[i]
    if (known) return known
    if (folders !== null && parts.length > folders + 1) return { scheme: FOLDERS, patient: parts[folders] }
    // In sub-folders the name alone says nothing: image1.png may be in each.
    return { scheme: NONE, patient: withoutEnding(parts.join('/')) }
  })
  const schemes = [...new Set(entries.map((e) => e.scheme))].map((name) => {
    const own = entries.filter((e) => e.scheme === name)
    return { name, images: own.length, patients: new Set(own.map((e) => e.patient)).size }
  })
  const of = entries.map((e) => e.patient)
  const count = new Set(of).size
  return { of, count, schemes, allAlone: count === of.length }
}

/** One way to read patients from names. */
export interface PatientNames {
  readonly key: string
  /** The patient of each sample. */
  readonly of: readonly string[]
  /** Samples whose name tells none: each counts as a patient of its own. */
  readonly unrecognised: number
}

/**
 * Patients by every key that the names allow: {@link findPatients}, and where names hold a pathogen beside the number
 * (`person7_bacteria_3`, `person7_virus_9`) both together, since a number may have been given twice. None is claimed to
 * be right; a key that tells the same patients as the one before is left out.
 */
export function patientKeys(samples: Labelled): PatientNames[] {
  const { of, schemes } = findPatients(samples)
  const unrecognised = schemes.find(({ name }) => name === NONE)?.images ?? 0
  const pathogen = (path: string) => /^person\d+_[a-z]+(?=_)/i.exec(stemOf(path.replace(/\\/g, '/')))?.[0]
  const both = Array.from(samples, ({ path }, i) => pathogen(path) ?? of[i])
  const first = { key: 'patient number', of, unrecognised }
  return both.every((name, i) => name === of[i])
    ? [first]
    : [first, { key: 'patient number and pathogen', of: both, unrecognised }]
}

/** `2790 of 5216 images: 2790 by names as …`, for the user. */
export function describePatients({ of, count, schemes, allAlone }: Patients): string {
  if (schemes.every(({ name }) => name === NONE)) {
    return (
      `patients: none recognised in the names of ${of.length} images, ` +
      `so each name counts as one and a person's images may ` +
      'be on both sides of a split; patientPattern says how to read them'
    )
  }
  const parts = schemes.map(({ name, images, patients }) =>
    name === NONE ? `${images} images each by its name` : `${patients} of ${images} images by ${name}`,
  )
  const alone = allAlone ? '; every image is another patient, so check that the names mean that' : ''
  return `patients: ${count} of ${of.length} images (${parts.join(', ')})${alone}`
}

/**
 * Index of the part of the paths that is the class's folder: the first that follows from the label and tells labels
 * apart. Of pictures of one class only, the last folder that all are in; −1 where there is none.
 */
function classDepth(samples: Labelled, paths: readonly (readonly string[])[]): number {
  const deepest = paths.length && paths.reduce((least, parts) => Math.min(least, parts.length - 1), Infinity)
  let shared = -1
  for (let depth = 0; depth < deepest; depth++) {
    const ofLabel = new Map<number, string>()
    const follows = paths.every((parts, i) => {
      const { label } = samples[i]
      if (!ofLabel.has(label)) ofLabel.set(label, parts[depth])
      return ofLabel.get(label) === parts[depth]
    })
    const names = new Set(ofLabel.values()).size
    if (follows && names > 1 && names === ofLabel.size) return depth
    if (follows && names === 1 && shared === depth - 1) shared = depth
  }
  return shared
}

/** How far below the classes' folders the first are that may be taken for patients; null where none are. */
function folderDepth(samples: Labelled, found: readonly unknown[], below: readonly string[][]): number | null {
  const unknown = below.map((parts, i) => ({ parts, label: samples[i].label })).filter((_, i) => !found[i])
  for (let depth = 0; unknown.some(({ parts }) => parts.length > depth + 1); depth++) {
    const ofClass = new Map<number, Set<string>>()
    for (const { parts, label } of unknown) {
      if (parts.length > depth + 1) ofClass.set(label, (ofClass.get(label) ?? new Set()).add(parts[depth]))
    }
    const all = new Set([...ofClass.values()].flatMap((names) => [...names]))
    if (all.size >= FEWEST_FOLDERS && [...ofClass.values()].every((names) => names.size > 1)) return depth
  }
  return null
}

function byPattern(paths: readonly string[], pattern: string): (Entry | undefined)[] {
  const refused = (rule: string) => new SettingError('patientPattern', `must ${rule}`)
  try {
    new RegExp(pattern)
  } catch (error) {
    const reason = (error as Error).message.replace(/^Invalid regular expression: /, '')
    throw refused(`be a regular expression, got ${reason}`)
  }
  const matches = matchAll(pattern, paths)
  if (!matches) throw refused(`be a pattern that is quick to match, got /${pattern}/, which takes too long`)
  if (!matches.some(Boolean))
    throw refused(`match paths such as ${paths[0]}, got /${pattern}/, which matches none of ${paths.length}`)
  return matches.map((patient) => (patient ? { scheme: `/${pattern}/`, patient } : undefined))
}
