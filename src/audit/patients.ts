// Patients on both sides of a split, under every key that the file names allow. Where names allow several, all are told
// and none is claimed to be right.
import { patientOf } from '../data/patients.js'

const stemOf = (path: string): string => path.replace(/^.*[/\\]/, '').replace(/\.[^.]*$/, '')

/** Ways to read a patient out of a file name. */
const KEYS = [
  { key: 'patient number', of: patientOf },
  {
    key: 'patient number and pathogen',
    of: (path: string) => /^person\d+_[a-z]+(?=_)/i.exec(stemOf(path))?.[0] ?? patientOf(path),
  },
] as const

export interface PatientOverlap {
  /** Two splits, and the patients with images in both, sorted. */
  splits: readonly [string, string]
  patients: string[]
  /** Images of these patients in either split. */
  images: readonly [number, number]
}

export interface PatientKey {
  key: string
  /** Different patients in all. */
  patients: number
  /** Names out of which this key reads no patient: each counts as one of its own. */
  unrecognised: number
  overlaps: PatientOverlap[]
}

/** Patients by each key; a key that gives the same as one before it is left out. */
export function findPatients(images: readonly { path: string; split: string }[]): PatientKey[] {
  const splits = [...new Set(images.map((image) => image.split))]
  const found: PatientKey[] = []
  let before = ''
  for (const { key, of } of KEYS) {
    const names = images.map((image) => of(image.path))
    if (names.join('\n') === before) continue
    before = names.join('\n')
    const counts = new Map<string, Map<string, number>>()
    images.forEach(({ split }, i) => {
      const ofPatient = counts.get(names[i]) ?? new Map<string, number>()
      counts.set(names[i], ofPatient.set(split, (ofPatient.get(split) ?? 0) + 1))
    })
    const overlaps = splits.flatMap((a, i) =>
      splits.slice(i + 1).flatMap((b): PatientOverlap[] => {
        const both = [...counts].filter(([, ofPatient]) => ofPatient.has(a) && ofPatient.has(b))
        const count = (split: string) => both.reduce((sum, [, ofPatient]) => sum + ofPatient.get(split)!, 0)
        const patients = both.map(([name]) => name).sort()
        return patients.length ? [{ splits: [a, b], patients, images: [count(a), count(b)] }] : []
      }),
    )
    const unrecognised = images.filter((image, i) => names[i] === stemOf(image.path)).length
    found.push({ key, patients: counts.size, unrecognised, overlaps })
  }
  return found
}
