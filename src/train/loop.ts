// The training loop: epochs, validation, patience, the best state, history, and what it takes to go on after a stop.
// Draws nothing and writes no file: whoever runs it, the command line or a page, is told what happens through
// callbacks.
import type { StateDict } from '../nn/module.js'
import { check } from '../util/check.js'
import { deviceOptions } from '../data/transforms.js'
import { type BatchSource, Lagging, emptyBatch, take } from './batches.js'
import { Evaluator } from './evaluator.js'
import type { HistoryRow } from './history.js'
import { type Outputs, argmax, computeMetrics, crossEntropy } from './metrics.js'
import { type EpochSums, NO_SUMS, type TrainerState } from './state.js'
import type { Team } from './group.js'
import { type LossScaling, type StepOptions, TrainingStep, weightOf } from './step.js'
import type { Late } from '../util/late.js'
import { checkOptions, checkWhole } from '../util/options.js'

/** Where the loop stands; arrives after every step. */
export interface Progress {
  phase: 'train' | 'validate'
  /** From 1, of `epochs`. */
  epoch: number
  epochs: number
  /** Images done in this phase, of `total`. */
  images: number
  total: number
  imagesPerSecond: number
  /** Mean training loss of the epoch so far; NaN before the first result. */
  loss: number
}

/** Options of {@link Trainer}. */
export interface TrainerOptions extends Omit<StepOptions, 'classWeight' | 'normalization'> {
  /**
   * The processes that train this model together, of which `train` and `validation` yield this one's part: gradients
   * are summed, results gathered, and all come to the same end. BatchNorm sees each part by itself; the statistics of
   * process 0 are kept.
   */
  group?: Team
  /** What to learn from: a {@link DataLoader}, or batches of your own. */
  train: BatchSource
  /** Without it there is no early stopping, and every epoch counts as the best so far. */
  validation?: BatchSource
  /** Passes over it. */
  epochs: number
  /**
   * Learning rate of each step, counted from 0, such as `optim.cosine(…)`, with the validation losses of the epochs so
   * far, as for `optim.reduceOnPlateau(…)`; default: the optimizer's throughout.
   */
  schedule?: (step: number, losses: readonly number[]) => number
  /** Stop after so many epochs without a lower validation loss; default 10, Infinity for never. */
  patience?: number
  /** [numClasses], as from `computeClassWeight`. Default: all 1. */
  classWeight?: Float32Array
  /** Ends the run after the current step. */
  signal?: AbortSignal
  /** Called after each step. */
  onProgress?: (progress: Progress) => void
  /** After every whole epoch; `best` when it is the best so far. Awaited. */
  onEpoch?: (row: HistoryRow, best: boolean) => void | Promise<void>
  /**
   * With a copy of the model's state whenever it is the best so far, and what it said of the validation images (null
   * without any), before `onEpoch`. Awaited.
   */
  onBest?: (state: StateDict, row: HistoryRow, validation: Outputs | null) => void | Promise<void>
  /**
   * With all that `fit(state)` needs to go on from there, once it is read: after every epoch (after `onEpoch`), when
   * `signal` stops the run, and during an epoch whenever `saveEvery` has passed since the last time. Large arrays are
   * still on the GPU; `await readLate(state)` gives them all, and whoever writes a file can read one after another.
   * Awaited, with no step in between; later they can no longer be read.
   */
  onSave?: (state: Late<TrainerState>) => void | Promise<void>
  /** Milliseconds; default Infinity. */
  saveEvery?: number
}

/** Names of all options. */
const TRAINER_OPTIONS = [
  ...['engine', 'model', 'optimizer', 'labelSmoothing', 'freezeBatchNorm', 'gradAccumulation', 'precision', 'exchange'],
  ...['train', 'validation', 'epochs', 'schedule', 'patience', 'classWeight', 'signal', 'onProgress', 'onEpoch'],
  ...['onBest', 'onSave', 'saveEvery', 'group', 'beforeUpdate', 'ema'],
] as readonly (keyof TrainerOptions)[]

/** What a training came to. */
export interface TrainResult {
  history: HistoryRow[]
  /**
   * The epoch with the lowest validation loss, whose state the model holds at the end; null when no epoch was finished.
   */
  best: HistoryRow | null
  stopped: 'completed' | 'early' | 'aborted'
  /** With precision f16, at the end. */
  lossScaling: LossScaling | null
  /** Of a group: what was summed in a step, and the share of training's time in which this process waited for it. */
  exchange: ReturnType<Team['cost']> | null
}

/**
 * Trains a classifier with class-weighted cross-entropy. Results are read a few steps late, so that decoding, upload
 * and kernels overlap.
 * @throws when an option makes no sense or is unknown.
 */
export class Trainer {
  history: HistoryRow[] = []
  private readonly evaluator: Evaluator
  private readonly classWeight: Float32Array
  private readonly step: TrainingStep
  private best: { row: HistoryRow; state: StateDict } | null = null
  private epoch = 1
  private batches = 0
  private steps = 0
  private sums = { ...NO_SUMS }
  private lastSave = performance.now()
  private trainSeconds = 0
  /** Epoch and batches that were saved last. */
  private saved = ''

  constructor(private readonly options: TrainerOptions) {
    checkOptions('Trainer', options, TRAINER_OPTIONS)
    const { engine, model, train, epochs, patience = 10 } = options
    const { classes, transform } = train.dataset
    checkWhole('Trainer', { epochs }, 1)
    check(patience > 0, `Trainer: patience must be above 0, got ${patience}`)
    this.classWeight = options.classWeight ?? new Float32Array(classes.length).fill(1)
    const { length } = this.classWeight
    check(
      length === classes.length,
      `Trainer: classWeight must hold ${classes.length} numbers, one per class, got ${length}`,
    )
    const { group, exchange } = options
    check(!group || !exchange, 'Trainer: takes a group or an exchange, got both')
    this.step = new TrainingStep({
      ...options,
      classWeight: this.classWeight,
      normalization: deviceOptions(transform),
      exchange: group?.exchange ?? exchange,
    })
    this.evaluator = new Evaluator(engine, model)
  }

  /**
   * Plans and compiles both steps for full batches without running them: after it `engine.memory()` tells what training
   * takes.
   */
  async prepare(): Promise<void> {
    const { validation } = this.options
    this.step.setMode()
    await this.prepareTraining()
    if (validation) await this.evaluator.prepare(validation)
  }

  private async prepareTraining(): Promise<void> {
    const batch = emptyBatch(this.options.train)
    if (batch) await this.step.prepare(batch)
  }

  /**
   * Runs all epochs, or those that are left of a run that was stopped: `state` as `onSave` got it, read, and `best` as
   * `onBest` got it last before. Then everything but times is as without the stop, to the bit on the same adapter.
   * Callbacks' errors pass through.
   *
   * @throws RadiogradError when a loss or a logit is not finite, naming epoch and step or image.
   */
  async fit(state?: TrainerState, best: StateDict | null = null): Promise<TrainResult> {
    const { epochs, model } = this.options
    if (state) this.goOnFrom(state, best)
    else this.options.ema?.reset()
    state = undefined // large, and on the GPU now
    let stopped: TrainResult['stopped'] = 'completed'
    try {
      for (; this.epoch <= epochs; this.epoch++) {
        if (this.lostPatience()) {
          stopped = 'early'
          break
        }
        if (await this.runEpoch()) continue
        stopped = 'aborted'
        break
      }
      const last = this.history.at(-1)
      const other = this.best?.row !== last || stopped === 'aborted' || this.options.ema
      if (this.best && other) model.loadStateDict(this.best.state)
    } finally {
      this.step.dispose()
      this.evaluator.dispose()
    }
    const { history, steps, trainSeconds } = this
    const lossScaling = await this.step.lossScaling()
    const exchange = this.options.group?.cost(steps, trainSeconds) ?? null
    return { history, best: this.best?.row ?? null, stopped, lossScaling, exchange }
  }

  private goOnFrom({ position, model, ema, ...update }: TrainerState, best: StateDict | null): void {
    const { epoch, batches, steps, engineSteps, sums, history, bestEpoch } = position
    const row = history.find((r) => r.epoch === bestEpoch)
    check(!row === !best, 'Trainer: a state is gone on from with the best state of its best epoch, or without either')
    check(!ema === !this.options.ema, 'Trainer: a state is gone on from with moving averages as it has, or without')
    if (ema) {
      this.options.model.loadStateDict(ema)
      this.options.ema!.swap()
    }
    this.options.model.loadStateDict(model)
    this.step.loadState(update)
    const { schedule, optimizer, engine } = this.options
    engine.stepCounter = engineSteps
    if (schedule && steps > 0) optimizer.lr = schedule(steps - 1, losses(history))
    const own = this.options.group?.rank ? NO_SUMS : sums
    Object.assign(this, { epoch, batches, steps, sums: { ...own }, history: [...history] })
    this.best = row && best ? { row, state: best } : null
  }

  /** What `work` gives while the model holds its moving averages, where there are any. */
  private async averaged<T>(work: () => Promise<T>): Promise<T> {
    const { ema } = this.options
    ema?.swap()
    try {
      return await work()
    } finally {
      ema?.swap()
    }
  }

  private lostPatience(): boolean {
    const { patience = 10 } = this.options
    return this.best !== null && this.epoch - 1 - this.best.row.epoch >= patience
  }

  /** One epoch, its validation, and what is told of it; false when stopped on the way. */
  private async runEpoch(): Promise<boolean> {
    const { model, onBest, onEpoch, validation } = this.options
    const { epoch } = this
    const start = performance.now() - 1000 * this.sums.seconds
    const imagesPerSecond = await this.train(start)
    const { stepCounter } = this.options.engine // the only thing that validation moves
    const validated = imagesPerSecond === null ? null : await this.averaged(() => this.validated(imagesPerSecond))
    if (!validated) {
      await this.save(epoch, this.batches, stepCounter)
      return false
    }
    const { row, outputs } = validated
    row.seconds = (performance.now() - start) / 1000
    this.history.push(row)
    const improved = !this.best || !validation || row.valLoss < this.best.row.valLoss
    if (improved) {
      this.best = { row, state: await this.averaged(() => model.stateDict()) }
      await onBest?.(this.best.state, row, outputs)
    }
    this.batches = 0
    this.sums = { ...NO_SUMS }
    await onEpoch?.(row, improved)
    await this.save(epoch + 1, 0)
    return true
  }

  private async save(epoch: number, batches: number, engineSteps = this.options.engine.stepCounter): Promise<void> {
    const { onSave, model } = this.options
    const place = `${epoch} ${batches}`
    if (!onSave || this.saved === place) return
    const { steps, history, best } = this
    const sums = await this.total()
    const position = { epoch, batches, steps, engineSteps, sums, history, bestEpoch: best?.row.epoch ?? null }
    const ema = this.options.ema && { ema: await this.averaged(() => model.stateDict()) }
    await onSave({ position, model: model.lateStateDict(), ...ema, ...(await this.step.lateState()) })
    this.lastSave = performance.now()
    this.saved = place
  }

  /** The epoch's row after its validation, and that one's outputs; null when it was stopped. */
  private async validated(imagesPerSecond: number): Promise<{ row: HistoryRow; outputs: Outputs | null } | null> {
    const { optimizer, validation, group, model } = this.options
    const { epoch } = this
    const sums = await this.total()
    await group?.shareBuffers(model)
    const row: HistoryRow = {
      epoch,
      trainLoss: sums.loss / sums.weight,
      trainAccuracy: sums.correct / sums.images,
      imagesPerSecond,
      valLoss: NaN,
      valAccuracy: NaN,
      valAuc: NaN,
      seconds: 0,
      lr: optimizer.lr,
    }
    if (!validation) return { row, outputs: null }
    const own = await this.evaluate(validation, row.trainLoss)
    const outputs = group ? await group.outputs(own) : own
    if (!outputs) return null
    const { accuracy, auc } = computeMetrics(outputs)
    row.valLoss = crossEntropy(outputs, this.classWeight)
    row.valAccuracy = accuracy
    row.valAuc = auc
    finite('validation loss', row.valLoss, `after epoch ${epoch}`)
    return { row, outputs }
  }

  private evaluate(source: BatchSource, loss: number) {
    const { epoch } = this
    const { epochs, signal, onProgress } = this.options
    const total = source.dataset.samples.length
    const start = performance.now()
    return this.evaluator.run(source, {
      signal,
      when: `after epoch ${epoch}`,
      onStep: (images) =>
        onProgress?.({ phase: 'validate', epoch, epochs, images, total, imagesPerSecond: rate(images, start), loss }),
    })
  }

  /** What is left of an epoch's batches; null when stopped on the way. Returns images a second. */
  private async train(epochStart: number): Promise<number | null> {
    const { train, epochs, schedule, optimizer, onProgress } = this.options
    const { step, epoch, sums } = this
    const total = train.dataset.samples.length
    const [start, before] = [performance.now(), sums.images]
    let done = this.batches
    const results = new Lagging<StepResult>((result) => {
      done++
      const remedy = step.scales ? 'lower the learning rate, or train in f32' : undefined
      finite('loss', result.loss, `at epoch ${epoch}, step ${done}`, remedy)
      this.count(result)
      const { images, loss, weight } = sums
      const imagesPerSecond = rate(images - before, start)
      onProgress?.({ phase: 'train', epoch, epochs, images, total, imagesPerSecond, loss: loss / weight })
    })
    step.setMode()
    const prepared = this.prepareTraining() // compiles while the first images are decoded
    prepared.catch(() => {}) // the step says the same
    let wanted = await this.wanted()
    for await (const batch of train.epoch(epoch - 1, this.batches)) {
      if (wanted.stop) break
      const { labels, targets, whole = labels } = batch
      const [weight, all] = [labels, whole].map((of) => weightOf(of, Boolean(targets), this.classWeight))
      if (schedule) optimizer.lr = schedule(this.steps, losses(this.history))
      const { loss, logits } = await step.run(batch)
      this.steps++
      this.batches++
      const reads = Promise.all([take(loss), take(logits)])
      await results.push(reads.then(([[value], rows]) => ({ loss: value * all, weight, logits: rows, labels })))
      wanted = await this.wanted()
      if (!wanted.save) continue
      await results.drain()
      sums.seconds = (performance.now() - epochStart) / 1000
      await this.save(epoch, this.batches)
    }
    await Promise.all([prepared, results.drain()])
    sums.seconds = (performance.now() - epochStart) / 1000
    this.trainSeconds += (performance.now() - start) / 1000
    const { stop } = await this.wanted()
    return stop ? null : rate(sums.images - before, start)
  }

  /** Whether to stop, and whether to save: all processes do after the same step. */
  private async wanted(): Promise<{ stop: boolean; save: boolean }> {
    const { signal, saveEvery = Infinity, group } = this.options
    const own = [Boolean(signal?.aborted), performance.now() - this.lastSave >= saveEvery]
    if (!group) return { stop: own[0], save: own[1] }
    const votes = Float32Array.from(own, Number)
    await group.sum(votes)
    return { stop: votes[0] > 0, save: votes[1] > 0 }
  }

  /** The sums of all processes. */
  private async total(): Promise<EpochSums> {
    const { group } = this.options
    const all = (await group?.values(this.sums)) ?? [this.sums]
    const sum = (name: keyof EpochSums) => all.reduce((a, sums) => a + sums[name], 0)
    return {
      images: sum('images'),
      correct: sum('correct'),
      loss: sum('loss'),
      weight: sum('weight'),
      seconds: all[0].seconds,
    }
  }

  /** Adds a step's result to the sums of the epoch. */
  private count({ loss, weight, logits, labels }: StepResult): void {
    const { sums } = this
    const predicted = argmax(logits, this.classWeight.length)
    labels.forEach((label, i) => {
      if (label === predicted[i]) sums.correct++
    })
    sums.loss += loss
    sums.weight += weight
    sums.images += labels.length
  }
}

const losses = (history: readonly HistoryRow[]): number[] => history.map(({ valLoss }) => valLoss)

interface StepResult {
  /** Sum of the images' losses, by their weights. */
  loss: number
  weight: number
  logits: Float32Array
  labels: Int32Array
}

function finite(what: string, value: number, where: string, remedy = 'lower the learning rate'): void {
  check(Number.isFinite(value), `Trainer: the ${what} must stay finite, got ${value} ${where}; ${remedy}`)
}

const rate = (images: number, since: number): number => images / Math.max((performance.now() - since) / 1000, 1e-9)
