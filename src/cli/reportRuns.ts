// radiograd report: one page about finished runs of `train`, side by side.
import { basename, dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { openFolder } from '#platform/store'
import { writeReport } from '../app/report.js'
import { REPORT_SETTINGS, type ReportSettings } from '../app/reportSettings.js'
import { type OutputOptions, flagOf, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import { RunLines } from './train.js'

export function reportCommand(program: Command): void {
  const command = program
    .command('report')
    .description("write one page about finished runs of 'train', side by side")
    .argument('<run...>', 'folders of finished runs')
  withJson(withSettings(command, REPORT_SETTINGS)).action(
    (folders: string[], { json, ...settings }: ReportSettings & OutputOptions) =>
      reportRuns(folders, settings, new Report(json)),
  )
}

async function reportRuns(folders: readonly string[], settings: ReportSettings, report: Report): Promise<void> {
  const { out } = settings
  const open = (folder: string) => openFolder(folder, `${flagOf('out')} ${folder}`)
  const runs = namesOf(folders).map((name, i) => ({ name, store: openFolder(folders[i]) }))
  const lines = new RunLines(report, out)
  await withSignals(report, 'after this step', async (signal) => {
    const results = await writeReport(runs, {
      ...settings,
      title: `Report of ${runs.map(({ name }) => name).join(', ')}`,
      store: open(out),
      figures: open(join(out, 'figures')),
      signal,
      on: (event) => lines.show(event),
    })
    if (!results) return
    report.say(`wrote     report.html, results.json and figures in ${out}`)
    report.result(results)
  })
}

/** The last part of each path, or as much of its end as tells it from the others. */
function namesOf(folders: readonly string[]): string[] {
  const full = folders.map((folder) => resolve(folder))
  const last = full.map((path) => basename(path))
  if (new Set(last).size === last.length) return last
  return full.map((path, i) => {
    const name = join(basename(dirname(path)), last[i])
    return full.filter((other) => other.endsWith(name)).length > 1 ? `${name} (${i + 1})` : name
  })
}
