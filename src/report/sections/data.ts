// The data of a report: folders, class balance, what the audit found, samples.
import { auditFindings } from '../../audit/findings.js'
import type { Chart } from '../figures.js'
import { type Html, markup, table } from '../html.js'
import type { ReportData } from '../run.js'
import { count, fileOf, list, num } from '../words.js'
import { type AddressOf, chartFigure, picture } from './common.js'

/** The folders as a tree with counts. */
function treeOf({ name, audit }: ReportData): string {
  const rows: [string, number][] = [[name, audit.images]]
  audit.splits.forEach((split, s) => {
    const lastSplit = s === audit.splits.length - 1
    const deep = split.name !== ''
    if (deep) rows.push([`${lastSplit ? '└── ' : '├── '}${split.name}`, split.images])
    split.classes.forEach((of, c) => {
      const lead = deep ? (lastSplit ? '    ' : '│   ') : ''
      rows.push([`${lead}${c === split.classes.length - 1 ? '└── ' : '├── '}${of.name}`, of.images])
    })
  })
  const width = Math.max(...rows.map(([text]) => [...text].length)) + 2
  return rows.map(([text, n]) => `${text}${' '.repeat(width - [...text].length)}${count(n).padStart(7)}`).join('\n')
}

export function dataSection(data: readonly ReportData[], charts: readonly Chart[], address: AddressOf): Html {
  const parts = data.map((one, i) => {
    const { audit, samples } = one
    const [left, right] = audit.classes
    const level = { error: 'Error', warning: 'Warning', note: 'Note' }
    const target = audit.classes[audit.classes.length - 1]
    const shortcuts = audit.shortcuts.filter((s) => s.class === target)
    const features = [...new Set(shortcuts.map((s) => s.feature))]
    const splits = audit.splits.map((split) => split.name)
    return markup`<h3>${one.name}</h3>
<div class="columns"><pre tabindex="0" role="region" aria-label="Folders and images of ${one.name}">${treeOf(one)}</pre>
${chartFigure(charts[i])}</div>
<h3>What the audit found</h3>
<ul>${auditFindings(audit).map(
      ({ level: l, text }) => markup`<li>${l === 'note' ? `${level[l]}: ` : markup`<b>${level[l]}:</b> `}${text}</li>`,
    )}</ul>
${
  shortcuts.length > 0 &&
  table(
    `How well ${target} is told from the rest without a look at the lung: AUC (95 % interval); 0.5 tells ` +
      'nothing, 0 (it has less) as much as 1 (it has more)',
    ['Feature', ...splits.map((name) => name || 'all')],
    features.map((feature) => [
      feature,
      ...splits.map((name) => {
        const found = shortcuts.find((s) => s.feature === feature && s.split === name)
        return found ? `${num(found.auc)} (${num(found.low)}–${num(found.high)})` : '–'
      }),
    ]),
  )
}
<h3>Samples of training images</h3>
<p class="soft">${audit.classes.length === 2 ? `Left ${left}, right ${right}.` : `${list(audit.classes)}.`}</p>
<div class="sides">${audit.classes.map(
      (name) =>
        markup`<div><h4>${name}</h4>${samples
          .filter((sample) => sample.class === name)
          .map(({ path, image }) => picture(address(image), `Training image of ${name}: ${fileOf(path)}`))}</div>`,
    )}</div>`
  })
  return markup`${parts}`
}
