// What a reviewer asks for: a methods paragraph, and the items of two reporting guidelines.
import { CLAIM, type Item, TRIPOD } from '../checklists.js'
import { type Fact, factsOf, methodsParagraph } from '../facts.js'
import { type Html, markup, table } from '../html.js'
import type { ReportInput } from '../run.js'
import { NO_DEVICE } from './common.js'

function checklist(title: string, items: readonly Item[], facts: Readonly<Record<Fact, string | undefined>>): Html {
  return table(
    title,
    ['Item', 'Asked', 'Answer of this run'],
    items.map(([number, asked, fact]) => [
      number,
      asked,
      (fact && facts[fact]) || markup`<span class="soft">not stated</span>`,
    ]),
    { prose: true },
  )
}

export function reportingSection(input: ReportInput): Html {
  const facts = factsOf(input)
  return markup`<h3>Methods</h3><p>${methodsParagraph(input)}</p>
<h3>Guidelines</h3>
<p class="soft">What the run itself can answer. The wording of the items is shortened.</p>
${checklist('CLAIM, 2024 update (Tejani et al., Radiology: Artificial Intelligence 2024)', CLAIM, facts)}
${checklist('TRIPOD+AI (Collins et al., BMJ 2024)', TRIPOD, facts)}
<p class="notice">${NO_DEVICE}</p>`
}
