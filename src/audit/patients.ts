// Patients on both sides of a split, under every key that the file names allow. Where names allow several, all are told
// and none is claimed to be right.
import type { PatientNames } from '../data/patients.js'

/** Patients that two splits share. */
export interface PatientOverlap {
  /** Two splits, and the patients with images in both, sorted. */
  splits: readonly [string, string]
  patients: string[]
  /** Images of these patients in either split. */
  images: readonly [number, number]
}

/** One way to read patients out of names, and what it finds. */
export interface PatientKey {
  key: string
  /** Different patients in all. */
  patients: number
  /** Names out of which no patient is read: each counts as one of its own. */
  unrecognised: number
  overlaps: PatientOverlap[]
}

/** Who is in more than one split, by each key. @param splits of each image, in the order of the keys' patients. */
export function overlapsOf(splits: readonly string[], keys: readonly PatientNames[]): PatientKey[] {
  const names = [...new Set(splits)]
  return keys.map(({ key, of, unrecognised }) => {
    const counts = new Map<string, Map<string, number>>()
    splits.forEach((split, i) => {
      const ofPatient = counts.get(of[i]) ?? new Map<string, number>()
      counts.set(of[i], ofPatient.set(split, (ofPatient.get(split) ?? 0) + 1))
    })
    const overlaps = names.flatMap((a, i) =>
      names.slice(i + 1).flatMap((b): PatientOverlap[] => {
        const both = [...counts].filter(([, ofPatient]) => ofPatient.has(a) && ofPatient.has(b))
        const count = (split: string) => both.reduce((sum, [, ofPatient]) => sum + ofPatient.get(split)!, 0)
        const patients = both.map(([name]) => name).sort()
        return patients.length ? [{ splits: [a, b], patients, images: [count(a), count(b)] }] : []
      }),
    )
    return { key, patients: counts.size, unrecognised, overlaps }
  })
}
