// The audit in words. Says what was found and what it may mean for a result; decides nothing.
import type { Audit, Duplicates } from './audit.js'
import type { Shortcut } from './shortcuts.js'

/** One thing that an audit has to say. */
export interface Finding {
  /** An 'error' leaves nothing to train on, a 'warning' puts results in doubt, a 'note' is good to know. */
  level: 'error' | 'warning' | 'note'
  text: string
}

/** Half the width of a 95 % interval of an accuracy of 0.9 measured on n images. */
const margin = (n: number): number => 1.96 * Math.sqrt(0.09 / n)
/** A validation split by which accuracy is known to no better than this steers by chance. */
const STEER = 0.05
/** AUC from which a feature counts as a shortcut, where chance would reach it in less than 1 of 1000 such sets. */
const SHORTCUT = 0.7
const CHANCE = 3.29

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}\u00a0%`
const inSplit = (name: string): string => (name ? ` in ${name}` : '')
const list = (items: readonly string[], most = 5): string =>
  items.length <= most ? items.join(', ') : `${items.slice(0, most).join(', ')} and ${items.length - most} more`

/** The AUC on whichever side of 0.5, so that 0.5 tells nothing and 1 everything. */
const separation = ({ auc }: Shortcut): number => Math.max(auc, 1 - auc)

/** Whether an AUC is high, and more than chance: the standard error is that of Mann and Whitney for no difference. */
function isStrong(shortcut: Shortcut): boolean {
  const [own, others] = shortcut.pictures
  const error = Math.sqrt((own + others + 1) / (12 * own * others))
  return separation(shortcut) >= SHORTCUT && separation(shortcut) - 0.5 > CHANCE * error
}

/** Plain sentences about an audit, the gravest first. */
export function auditFindings(audit: Audit): Finding[] {
  const findings = [
    ...contents(audit),
    ...copies(audit.identical, 'identical', 'hold the same bytes as another'),
    ...copies(audit.nearIdentical, 'near-identical', 'show the same picture as another'),
    ...patients(audit),
    ...shortcuts(audit),
    ...unused(audit),
  ]
  const grave = { error: 0, warning: 1, note: 2 }
  return findings.sort((a, b) => grave[a.level] - grave[b.level])
}

function contents({ classes, splits, images, unreadable }: Audit): Finding[] {
  const found: Finding[] = []
  const add = (level: Finding['level'], text: string) => found.push({ level, text })
  if (images === 0) return [{ level: 'error', text: 'There is no JPEG or PNG image in a class folder.' }]
  if (images === unreadable.length) add('error', 'No image can be read.')
  if (classes.length === 1) add('error', `There is one class only, ${classes[0]}: nothing to tell apart.`)
  for (const split of splits) {
    const empty = split.classes.filter((c) => c.images === 0)
    if (split.images === 0) add('warning', `There is no image${inSplit(split.name)}.`)
    else
      for (const { name } of empty)
        add('warning', `Class ${name} has no image${inSplit(split.name) || ' in its folder'}.`)
    if (split === splits[0])
      for (const { name } of split.classes.filter((c) => c.images === 1))
        add('warning', `Class ${name} has one image${inSplit(split.name)}: nothing can be held out of it.`)
    const present = split.classes.filter((c) => c.images > 0).sort((a, b) => a.images - b.images)
    if (present.length < 2) continue
    const [least, most] = [present[0], present[present.length - 1]]
    const shares = split.classes.map((c) => `${c.images} ${c.name} (${percent(c.images / split.images)})`).join(', ')
    const ratio = most.images / least.images
    const uneven = ratio >= 1.5 ? `; ${most.name} outnumbers ${least.name} ${ratio.toFixed(1)} to 1` : ''
    add('note', `Class balance${inSplit(split.name)}: ${shares}${uneven}.`)
  }
  const validation = splits.find(({ name }) => /^(val|dev)/i.test(name))
  if (validation && validation.images > 0 && margin(validation.images) > STEER)
    add(
      'warning',
      `The validation split is too small to steer by: from ${count(validation.images, 'image')} an accuracy of 0.9 ` +
        `is known only to ± ${percent(margin(validation.images))}. Hold out part of the training images instead.`,
    )
  if (!validation && splits.length > 0)
    add('note', 'There is no validation split: training puts aside part of the training images, by patient.')
  return found
}

function copies(groups: readonly Duplicates[], name: string, what: string): Finding[] {
  if (!groups.length) return []
  const files = groups.reduce((sum, group) => sum + group.paths.length, 0)
  const found: Finding[] = [
    {
      level: 'note',
      text:
        `${count(files, 'image')} in ${count(groups.length, 'group')} ${what} (${name}), ` +
        `such as ${list(groups[0].paths, 2)}.`,
    },
  ]
  const named = (some: Duplicates[]) =>
    list(
      some.map((group) => group.paths.join(' = ')),
      3,
    )
  const across = groups.filter((group) => group.splits.length > 1)
  if (across.length)
    found.push({
      level: 'warning',
      text:
        `${count(across.length, `group of ${name} images lies`, `groups of ${name} images lie`)} in more than one ` +
        `split, so what is tested was trained on: ${named(across)}.`,
    })
  const torn = groups.filter((group) => group.classes.length > 1)
  if (torn.length)
    found.push({
      level: 'warning',
      text:
        `${count(torn.length, `group of ${name} images has`, `groups of ${name} images have`)} more than one label: ` +
        `${named(torn)}.`,
    })
  return found
}

function patients({ patients: keys, splits }: Audit): Finding[] {
  if (splits.length < 2) return []
  const overlapping = keys.filter((key) => key.overlaps.length)
  if (!overlapping.length)
    return keys.every((key) => key.unrecognised === splits.reduce((sum, split) => sum + split.images, 0))
      ? [{ level: 'note', text: 'File names tell no patient: whether one is on both sides of a split is not known.' }]
      : [{ level: 'note', text: 'No patient is in more than one split, as far as file names tell.' }]
  const say = keys.map(({ key, overlaps }) =>
    overlaps.length
      ? `by ${key}, ` +
        overlaps
          .map(
            (o) =>
              `${count(o.patients.length, 'patient')} of ${o.splits[0]} (${count(o.images[0], 'image')}) ` +
              `${o.patients.length === 1 ? 'is' : 'are'} in ${o.splits[1]} too ` +
              `(${count(o.images[1], 'image')}): ${list(o.patients, 3)}`,
          )
          .join('; ')
      : `by ${key}, none is`,
  )
  const open = overlapping.length < keys.length ? ' File names alone do not say which key is right.' : ''
  return [{ level: 'warning', text: `Patients in more than one split: ${say.join('; ')}.${open}` }]
}

function shortcuts({ shortcuts: all }: Audit): Finding[] {
  const features = new Set(all.filter(isStrong).map((s) => `${s.feature}\n${s.class}`))
  return [...features].map((key): Finding => {
    const [feature, name] = key.split('\n')
    const same = all.filter((s) => s.feature === feature && s.class === name && !Number.isNaN(s.auc))
    const figures = same.map((s) => `AUC ${separation(s).toFixed(3)}${inSplit(s.split)}`).join(', ')
    const how = feature === 'border' ? 'the border of the image alone, by a linear model,' : `${feature} alone`
    return {
      level: 'warning',
      text:
        `Shortcut: ${how} tells ${name} from the rest without a look at the lung (${figures}). ` +
        'A model may have learned this instead of the disease.',
    }
  })
}

function unused({ unreadable, leftOut }: Audit): Finding[] {
  const found: Finding[] = unreadable.length
    ? [
        {
          level: 'warning',
          text: `${count(unreadable.length, 'image')} cannot be read: ${list(
            unreadable.map((f) => `${f.path} (${f.reason})`),
            3,
          )}.`,
        },
      ]
    : []
  for (const reason of new Set(leftOut.map((file) => file.reason))) {
    const paths = leftOut.filter((file) => file.reason === reason).map((file) => file.path)
    found.push({
      level: / is not read/.test(reason) ? 'warning' : 'note',
      text: `${count(paths.length, 'file')} left out, ${reason}: ${list(paths)}.`,
    })
  }
  return found
}
