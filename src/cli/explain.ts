// radiograd explain: a heat map over each image, and with --json the maps as numbers.
import { basename } from 'node:path'
import type { Command } from 'commander'
import { openFolder } from '#platform/store'
import type { RunEvent } from '../app/events.js'
import { type ExplainedFile, explainRun } from '../app/explain.js'
import { UNFITTED } from '../train/operatingPoint.js'
import { EXPLAIN_SETTINGS, type ExplainSettings } from '../app/settingTables.js'
import { pngOf } from '../data/encodePng.js'
import { placeless } from '../explain/map.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import { adapterText, operatingPointText, progressOf } from './texts.js'

/** Saporta et al. 2022, "Benchmarking saliency methods for chest X-ray interpretation". */
const WEAKER =
  'such maps are weaker than a radiologist’s (Saporta et al. 2022); ' +
  'one that stays with shuffled weights explains nothing'

export function explainCommand(program: Command): void {
  const command = program
    .command('explain')
    .description('show where a checkpoint looked in images, as heat maps over them')
    .argument('<file...>', 'JPEG or PNG images')
  withJson(withSettings(command, EXPLAIN_SETTINGS)).action(
    (files: string[], options: ExplainSettings & OutputOptions) => explain(files, options),
  )
}

async function explain(
  images: string[],
  { checkpoint, out, json, ...settings }: ExplainSettings & OutputOptions,
): Promise<void> {
  const report = new Report(json)
  const store = openFolder(out, `--out ${out}`)
  const taken = new Set<string>()
  const results: object[] = []
  const on = (event: RunEvent) => {
    if (event.kind === 'note') report.say(`note      ${event.text}`)
    if (event.kind === 'adapter') report.say(`adapter   ${adapterText(event)}`)
    if (event.kind === 'progress') report.progress({ ...progressOf(event), label: 'explain' })
    if (event.kind === 'predict')
      report.say(operatingPointText(event.card.operatingPoint ?? UNFITTED, event.card.classes))
  }
  const onExplained = async ({ overlay, ...explained }: ExplainedFile) => {
    const name = freeName(basename(explained.file).replace(/\.[^.]*$/, ''), taken)
    await store.write(name, pngOf(overlay))
    const { border, randomised, map } = explained
    report.say(
      `${explained.file}  called ${explained.called}; ${explained.class} ${explained.probability.toFixed(4)}  ` +
        `${
          placeless(map) ??
          `${percent(border.share)} of the map on the border (${percent(border.area)} of the area)  ` +
            `with shuffled weights correlation ${randomised.correlation?.toFixed(2) ?? '–'}`
        }  → ${name}`,
    )
    results.push({ ...explained, map: { ...map, values: [...map.values] }, image: name })
  }
  await withSignals(report, 'after these images', (signal) =>
    explainRun(settings, { checkpoint, images, onExplained, signal, on }),
  )
  report.say(`wrote     ${results.length} ${results.length === 1 ? 'picture' : 'pictures'} to ${out}`)
  report.say(`note      ${WEAKER}`)
  report.result(results)
}

const percent = (share: number | null): string => (share === null ? '–' : `${Math.round(100 * share)} %`)

/** `a.png`; `a-2.png` where that name is given already. */
function freeName(stem: string, taken: Set<string>): string {
  let name = `${stem}.png`
  for (let n = 2; taken.has(name); n++) name = `${stem}-${n}.png`
  taken.add(name)
  return name
}
