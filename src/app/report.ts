// Gathers what a report is made of: reads finished runs, has their models say again what they say of every test image,
// explains the worst mistakes, audits the data, and writes the page, its figures and results.json.
import { auditDataset } from '../audit/audit.js'
import { samplePictures } from '../audit/samples.js'
import { DecodePool } from '../data/decodePool.js'
import type { Image } from '../data/image.js'
import type { Sample } from '../data/imageFolder.js'
import { fitSquare } from '../data/resize.js'
import type { Engine } from '../engine/index.js'
import { makeReport } from '../report/report.js'
import { confidentMistakes, gridOf } from '../report/results.js'
import { type FinishedRun, type ReportData, type ReportInput, shownRuns } from '../report/run.js'
import { evaluateOutputs } from '../train/evaluation.js'
import { type HistoryRow, parseHistory } from '../train/history.js'
import { UNFITTED, fitOperatingPoint } from '../train/operatingPoint.js'
import { check } from '../util/check.js'
import { readModel } from './card.js'
import { outputsOf } from './evaluate.js'
import { explainMistakes } from './explanations.js'
import type { RunRecord } from './record.js'
import { type Listener, withEngine } from './session.js'
import type { MachineSettings } from './settingTables.js'
import { type DataSource, openSplits, patientsOf, readableSplits, sameClasses, within } from './splits.js'
import { type Store, readJson, writeJson, writeText } from './store.js'

/** A finished run by its folder. */
export interface ReportedRun {
  /** What the report calls it; runs that differ in their seed alone share a name. */
  name: string
  store: Store
}

/** Options of {@link writeReport}. */
export interface ReportOptions extends MachineSettings {
  /** Heading of the page. */
  title: string
  /** Whether the notebook's own figures stand beside. Default false. */
  notebook?: boolean
  /** Where `report.html` and `results.json` go, and where the figures. */
  store: Store
  /** Where the figures go. */
  figures: Store
  /** The images; where each run found them when left out. */
  data?: DataSource
  /** Ends the work early. */
  signal?: AbortSignal
  /** Gets what happens. */
  on?: Listener
}

/** A run that was read. */
interface Read extends ReportedRun {
  record: RunRecord
  history: HistoryRow[]
}

const CHECKPOINT = 'best.safetensors'
/** The longer side of small pictures. */
const SIDE = 160
const FINISHED = "must hold a finished run of 'train', got none"

async function readRun({ name, store }: ReportedRun): Promise<Read> {
  const record = await readJson<RunRecord>(store, 'run.json')
  const table = await store.read('history.csv')
  const there = await store.list()
  const whole = ['metrics.json', CHECKPOINT].every((file) => there.includes(file))
  check(record?.command === 'train' && table && whole, `${store.name}: ${FINISHED}`)
  const history = parseHistory(new TextDecoder().decode(table), store.name)
  return { name, store, record, history }
}

/**
 * Writes a report of finished runs, side by side: `report.html`, `results.json` and the figures. An engine is opened
 * for it and closed at the end. Returns what results.json holds; null when stopped by the signal. Events: `note`,
 * `adapter`, `progress`.
 *
 * @throws RadiogradError where a folder holds no finished run, or its images are not there any more.
 */
export async function writeReport(runs: readonly ReportedRun[], options: ReportOptions): Promise<object | null> {
  const { store, figures } = options
  const read: Read[] = []
  for (const run of runs) read.push(await readRun(run))
  const work = new Gathering(options)
  const input = await work.gather(read)
  if (!input) return null
  const made = await makeReport(input)
  for (const [name, content] of made.figures)
    await figures.write(name, typeof content === 'string' ? new TextEncoder().encode(content) : content)
  await writeJson(store, 'results.json', made.results)
  await writeText(store, 'report.html', made.page)
  return made.results
}

class Gathering {
  private readonly pool: DecodePool
  private readonly note: (text: string) => void

  constructor(private readonly options: ReportOptions) {
    this.note = (text) => options.on?.({ kind: 'note', text })
    this.pool = new DecodePool(options.workers, { maxPixels: options.maxPixels, onWarning: this.note })
  }

  async gather(read: readonly Read[]): Promise<ReportInput | null> {
    const { title, notebook = false, signal, on } = this.options
    try {
      return await withEngine(this.options, on, async (engine) => {
        const runs: FinishedRun[] = []
        const files = new Map<string, Sample>()
        for (const one of read) {
          const explain = !runs.some((run) => run.name === one.name)
          const run = await this.run(engine, one, explain, files)
          if (!run) return null
          runs.push(run)
        }
        const grid = shownRuns(runs).flatMap((run) => gridOf(run).map((i) => run.test.files[i]))
        const pictures = new Map<string, Image>()
        for (const file of new Set(grid)) pictures.set(file, await this.thumbnail(files.get(file)!))
        const data = await this.data(read)
        signal?.throwIfAborted()
        return { title, notebook, runs, pictures, data }
      })
    } catch (error) {
      if (signal?.aborted) return null
      throw error
    } finally {
      await this.pool.close()
    }
  }

  private source({ record }: Read): DataSource {
    return this.options.data ?? record.settings.data
  }

  /** What a run's model says; its test images go into `files`. */
  private async run(
    engine: Engine,
    one: Read,
    explain: boolean,
    files: Map<string, Sample>,
  ): Promise<FinishedRun | null> {
    const { signal, on } = this.options
    const { name, store, record, history } = one
    const { settings } = record
    const checkpoint = await store.read(CHECKPOINT)
    check(checkpoint, `${store.name}: ${FINISHED}`)
    const { card, build } = await readModel(checkpoint, `${store.name}/${CHECKPOINT}`)
    const splits = await readableSplits(
      openSplits(this.source(one), { ...settings, ...card, augment: 'none' }),
      settings,
      this.note,
    )
    sameClasses(splits.test, 'the test images', card.classes, store.name)
    const model = build()
    const say = { workers: this.pool, signal, on }
    const outputs = await outputsOf(engine, model, splits.test, say)
    if (!outputs) return null
    let point = card.operatingPoint
    if (!point && splits.validation) {
      const steering = await outputsOf(engine, model, splits.validation, say)
      if (!steering) return null
      point = fitOperatingPoint(steering)
    }
    const { samples } = splits.test
    const patients = patientsOf(splits.test, settings)
    const root = this.source(one)
    const test = { ...outputs, files: samples.map(({ path }) => within(path, root)), patients }
    test.files.forEach((file, i) => files.set(file, samples[i]))
    const run: FinishedRun = {
      name,
      record,
      history,
      test,
      mostProbable: evaluateOutputs(outputs, patients, UNFITTED),
      atPoint: evaluateOutputs(outputs, patients, point ?? UNFITTED),
      explained: [],
    }
    if (!explain) return run
    const mistakes = confidentMistakes(run)
    const explained = await explainMistakes(
      engine,
      model,
      card,
      mistakes.map(({ index }) => samples[index]),
      mistakes.map(({ called }) => card.classes.indexOf(called)),
      this.pool,
    )
    return { ...run, explained: explained.map((each, i) => ({ ...each, index: mistakes[i].index })) }
  }

  /** An audit and samples of each data set that the runs name. */
  private async data(read: readonly Read[]): Promise<ReportData[]> {
    const { signal, workers, maxPixels } = this.options
    const found: ReportData[] = []
    const sources = new Set(read.map((one) => this.source(one)))
    for (const source of sources) {
      const folder = typeof source === 'string' ? (/[^/\\]+(?=[/\\]*$)/.exec(source)?.[0] ?? source) : 'picked files'
      const alike = found.filter(({ name }) => name.startsWith(folder)).length
      const name = alike ? `${folder} (${alike + 1})` : folder
      const audit = await auditDataset(source, { workers, maxPixels, signal })
      found.push({ name, audit, samples: await samplePictures(source, { each: 4, side: SIDE, workers, maxPixels }) })
    }
    return found
  }

  /** A small picture of an image, whole. */
  private async thumbnail({ path, file }: Sample): Promise<Image> {
    return fitSquare(await this.pool.decode({ path, file, steps: [], leastSide: SIDE }), SIDE)
  }
}
