// radiograd data: the audit of a data set before training, as text, as JSON, as a page, and samples as a picture.
import { basename, dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { openFolder } from '#platform/store'
import { AUDIT_SETTINGS, type AuditSettings } from '../app/settingTables.js'
import { withEngine } from '../app/session.js'
import { type Store, writeText } from '../app/store.js'
import { type Audit, auditDataset } from '../audit/audit.js'
import { auditFindings } from '../audit/findings.js'
import { contactSheet } from '../audit/preview.js'
import { samplePictures } from '../audit/samples.js'
import { pngOf } from '../data/encodePng.js'
import { auditPage } from '../report/audit.js'
import { RadiogradError } from '../util/check.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { withSignals } from './session.js'

export function dataCommand(program: Command): void {
  const command = program
    .command('data')
    .description('look through a data set before training: copies, patients, shortcuts, what cannot be read')
    .argument('<dir>', 'folder of class folders, or of train/, val/, test/ with class folders')
  withJson(withSettings(command, AUDIT_SETTINGS)).action((dir: string, options: AuditSettings & OutputOptions) =>
    look(dir, options),
  )
}

/** A file to be written: its folder is looked at before the work begins. */
const place = (flag: string, file: string | undefined): { store: Store; name: string } | null =>
  file === undefined ? null : { store: openFolder(dirname(file), `${flag} ${file}`), name: basename(file) }

async function look(dir: string, settings: AuditSettings & OutputOptions) {
  const { html, preview, previewAugment, augment, json, workers, maxPixels } = settings
  const report = new Report(json)
  const [page, sheet] = [place('--html', html), place('--preview', preview)]
  const variants = place('--preview-augment', previewAugment)
  const found = await withSignals(report, 'after these images', async (signal) => {
    let show: ((done: number) => void) | undefined
    const onProgress = (done: number, total: number) => (show ??= report.counter('data', total))(done)
    try {
      return await auditDataset(dir, { workers, maxPixels, signal, onProgress })
    } catch (error) {
      if (!signal.aborted || error instanceof RadiogradError) throw error
      return null
    }
  })
  if (!found) return
  report.say(auditText(dir, found))
  const options = { workers, maxPixels }
  const pictures = sheet ? await samplePictures(dir, { ...options, each: 6, side: 192 }) : []
  if (page) {
    const small = await samplePictures(dir, { ...options, each: 4, side: 140 })
    await writeText(page.store, page.name, auditPage(basename(resolve(dir)), found, small))
    report.say(`wrote     ${html}`)
  }
  if (sheet && pictures.length) {
    await sheet.store.write(sheet.name, pngOf(contactSheet(pictures)))
    report.say(`wrote     ${preview}`)
  }
  if (variants) {
    const some = await samplePictures(dir, { ...options, each: 2, side: 352 })
    const { augmentPreview } = await import('../app/augmentPreview.js')
    const image = await withEngine(settings, undefined, (engine) => augmentPreview(engine, some, augment))
    await variants.store.write(variants.name, pngOf(image))
    report.say(`wrote     ${previewAugment}`)
  }
  const findings = auditFindings(found)
  report.result({ ...found, findings })
  const grave = findings.find(({ level }) => level === 'error')
  if (grave) throw new RadiogradError(`${dir}: ${grave.text}`)
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** The tree with its counts, then what was found, the gravest first. */
function auditText(dir: string, audit: Audit): string {
  const rows: [text: string, images: number, share: string, bytes: number][] = []
  for (const split of audit.splits) {
    const lead = split.name ? '  ' : ''
    if (split.name) rows.push([`${split.name}/`, split.images, '', split.bytes])
    for (const { name, images, bytes } of split.classes) {
      const share = split.images ? `${Math.round((100 * images) / split.images)} %` : ''
      rows.push([`${lead}${name}`, images, share, bytes])
    }
  }
  const wide = Math.max(0, ...rows.map(([text]) => text.length))
  const tree = rows.map(
    ([text, images, share, bytes]) =>
      `${' '.repeat(10)}${text.padEnd(wide)}  ${String(images).padStart(6)}  ${share.padStart(5)}  ` +
      megabytes(bytes).padStart(9),
  )
  const { pictures } = audit
  const formats = pictures && Object.entries(pictures.formats).map(([format, n]) => `${n} ${format}`)
  const size = (of: { min: number; max: number }) => (of.min === of.max ? `${of.min}` : `${of.min} to ${of.max}`)
  return [
    `data      ${dir}: ${audit.images} images, ${megabytes(audit.bytes)}`,
    ...tree,
    ...(pictures
      ? [`pictures  ${formats!.join('; ')}; ${size(pictures.width)} × ${size(pictures.height)} pixels`]
      : []),
    ...auditFindings(audit).map(({ level, text }) => `${level.padEnd(10)}${text}`),
  ].join('\n')
}
