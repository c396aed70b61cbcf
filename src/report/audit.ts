// The audit of a data set as a page: what is in it, what was found, in the order of gravity, and samples of each class.
import type { Audit, Duplicates } from '../audit/audit.js'
import { auditFindings } from '../audit/findings.js'
import { type SamplePicture } from '../audit/preview.js'
import { pngOf } from '../data/encodePng.js'
import { type Html, markup, page, table } from './html.js'

/** Names that a list shows before it says how many more there are: the page must stay small. */
const MOST = 60

const LEVELS = { error: 'Error', warning: 'Warning' } as const
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const three = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(3))

function dataUri(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return `data:image/png;base64,${btoa(text)}`
}

function details(title: string, lines: readonly string[]): Html {
  const rest = lines.length - MOST
  const shown = [...lines.slice(0, MOST), ...(rest > 0 ? [`and ${rest} more`] : [])]
  return markup`<details><summary>${title}</summary><ul>
${shown.map((line) => markup`<li>${line}</li>\n`)}</ul></details>`
}

function duplicates(what: string, groups: readonly Duplicates[]): Html | false {
  return (
    groups.length > 0 &&
    details(
      `${what} images: ${groups.length} groups`,
      groups.map((g) => g.paths.join(' = ')),
    )
  )
}

/** A whole page that loads nothing. @param name what the data set is called. */
export function auditPage(name: string, audit: Audit, samples: readonly SamplePicture[]): string {
  const { classes, splits, patients, shortcuts, unreadable, leftOut, pictures } = audit
  const told = [...new Set(shortcuts.map((s) => `${s.feature}\n${s.class}`))]
  const range = ({ min, median, max }: { min: number; median: number; max: number }, digits = 0) =>
    [min, median, max].map((value) => value.toFixed(digits)).join(' / ')
  const flawless = ![audit.identical, audit.nearIdentical, unreadable, leftOut].some((list) => list.length > 0)
  const body = markup`<h1>${name}</h1>
<p class="soft">${audit.images} images, ${megabytes(audit.bytes)}, in ${classes.length} classes. An audit before
training:
it says what was found and what that may mean for a result, and decides nothing.</p>
<h2>What was found</h2>
<ul>${auditFindings(audit).map(
    ({ level, text }) => markup`<li>${level === 'note' ? 'Note: ' : markup`<b>${LEVELS[level]}:</b> `}${text}</li>\n`,
  )}</ul>
<h2>Images</h2>
${table(
  'Images and bytes by split and class',
  ['', ...classes, 'all', 'size'],
  splits.map((split) => [
    split.name || 'all',
    ...split.classes.map((c) => `${c.images} (${split.images ? Math.round((100 * c.images) / split.images) : 0} %)`),
    split.images,
    megabytes(split.bytes),
  ]),
)}
${
  pictures &&
  table(
    'Pictures that can be read: least, median, greatest',
    ['', 'value'],
    [
      [
        'formats',
        Object.entries(pictures.formats)
          .map(([format, n]) => `${n} ${format}`)
          .join('; '),
      ],
      ['width in pixels', range(pictures.width)],
      ['height in pixels', range(pictures.height)],
      ['width / height', range(pictures.aspectRatio, 2)],
      ['different sizes', pictures.sizes],
    ],
  )
}
${
  told.length > 0 &&
  markup`<h2>Shortcuts</h2>
${table(
  'How well each class is told from the rest without a look at the lung: AUC (95 % interval). 0.5 tells nothing, ' +
    '0 (it has less) as much as 1 (it has more)',
  ['', ...splits.map((split) => split.name || 'all')],
  told.map((key) => {
    const [feature, of] = key.split('\n')
    return [
      classes.length > 2 ? `${feature}, ${of}` : feature,
      ...splits.map((split) => {
        const found = shortcuts.find((s) => s.feature === feature && s.class === of && s.split === split.name)
        return found ? `${three(found.auc)} (${three(found.low)}–${three(found.high)})` : '–'
      }),
    ]
  }),
)}`
}
${
  patients.length > 0 &&
  markup`<h2>Patients</h2>
${table(
  'Patients by each way to read them from names; file names do not say which is right',
  ['', 'patients', 'names that tell none', 'in more than one split'],
  patients.map((key) => [
    key.key,
    key.patients,
    key.unrecognised,
    key.overlaps.map((o) => `${o.patients.length} in ${o.splits.join(' and ')}`).join('; ') || 'none',
  ]),
)}`
}
<h2>Files</h2>
${duplicates('Identical', audit.identical)}
${duplicates('Nearly identical', audit.nearIdentical)}
${
  unreadable.length > 0 &&
  details(
    `Images that cannot be read: ${unreadable.length}`,
    unreadable.map((f) => `${f.path}: ${f.reason}`),
  )
}
${
  leftOut.length > 0 &&
  details(
    `Left out: ${leftOut.length}`,
    leftOut.map((f) => `${f.path}: ${f.reason}`),
  )
}
${flawless && markup`<p>Every file is an image that can be read, none is there twice.</p>`}
${
  samples.length > 0 &&
  markup`<h2>Samples</h2>
${[...new Set(samples.map((sample) => sample.class))].map(
  (of) => markup`<h3>${of}</h3><ul class="pictures">
${samples
  .filter((sample) => sample.class === of)
  .map(
    ({ path, image }) =>
      markup`<li><figure><img src="${dataUri(pngOf(image))}" alt="Image of ${of}: ${path}">
<figcaption>${path.replace(/^.*\//, '')}</figcaption></figure></li>\n`,
  )}</ul>`,
)}`
}`
  return page({ title: `${name}: audit`, body })
}
