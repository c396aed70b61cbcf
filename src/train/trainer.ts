// The training loop: epochs, validation, early stopping, the best state, history. Draws nothing and writes no file:
// whoever runs it, the command line or a page, is told what happens through callbacks.
import { BatchNorm2d } from '../nn/layers.js'
import type { StateDict } from '../nn/module.js'
import * as F from '../ops/index.js'
import type { Engine } from '../tensor/engine.js'
import { type Tensor, tensor } from '../tensor/tensor.js'
import { check } from '../util/check.js'
import { type BatchSource, type BatchTensors, Lagging, Uploader, take } from './batches.js'
import { type Classifier, Evaluator } from './evaluator.js'
import type { HistoryRow } from './history.js'
import { argmax, computeMetrics, crossEntropy } from './metrics.js'

/** What the loop needs of an optimizer. */
export interface Optimizer {
  lr: number
  zeroGrad(): void
  step(): void
}

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

export interface TrainerOptions {
  engine: Engine
  model: Classifier
  /** Over the parameters that are to change. */
  optimizer: Optimizer
  train: BatchSource
  /** Without it there is no early stopping, and every epoch counts as the best so far. */
  validation?: BatchSource
  epochs: number
  /** Learning rate of each step, counted from 0, such as `optim.cosine(…)`; default: the optimizer's throughout. */
  schedule?: (step: number) => number
  /** Stop after so many epochs without a lower validation loss; default 10, Infinity for never. */
  patience?: number
  /** [numClasses], as from `computeClassWeight`. Default: all 1. */
  classWeight?: Float32Array
  labelSmoothing?: number
  /**
   * BatchNorm layers whose weights are frozen use and keep their running statistics. Default false, PyTorch's meaning
   * of train().
   */
  freezeBatchNorm?: boolean
  /** Ends the run after the current step. */
  signal?: AbortSignal
  onProgress?: (progress: Progress) => void
  /** After every whole epoch; `best` when it is the best so far. Awaited. */
  onEpoch?: (row: HistoryRow, best: boolean) => void | Promise<void>
  /** With a copy of the model's state whenever it is the best so far, before `onEpoch`. Awaited. */
  onBest?: (state: StateDict, row: HistoryRow) => void | Promise<void>
}

export interface TrainResult {
  history: HistoryRow[]
  /**
   * The epoch with the lowest validation loss, whose state the model holds at the end; null when no epoch was finished.
   */
  best: HistoryRow | null
  stopped: 'completed' | 'early' | 'aborted'
}

/**
 * Trains a classifier with class-weighted cross-entropy. Each batch shape is recorded once and replayed: bytes are
 * normalised on the GPU, then forward, loss, backward, optimizer. Results are read a few steps late, so that decoding,
 * upload and kernels overlap.
 */
export class Trainer {
  readonly history: HistoryRow[] = []
  private readonly evaluator: Evaluator
  private readonly uploader = new Uploader()
  private readonly weight: Tensor
  private readonly classWeight: Float32Array
  private readonly trainStep: (batch: BatchTensors) => Promise<{ loss: Tensor; logits: Tensor }>
  private steps = 0
  private best: { row: HistoryRow; state: StateDict } | null = null

  constructor(private readonly options: TrainerOptions) {
    const { engine, model, optimizer, train, epochs, patience = 10, labelSmoothing = 0 } = options
    const classes = train.dataset.classes.length
    check(Number.isInteger(epochs) && epochs > 0, `Trainer: epochs must be a whole number above 0, got ${epochs}`)
    check(patience > 0, `Trainer: patience must be above 0, got ${patience}`)
    this.classWeight = options.classWeight ?? new Float32Array(classes).fill(1)
    const { length } = this.classWeight
    check(length === classes, `Trainer: classWeight must hold ${classes} numbers, one per class, got ${length}`)
    this.weight = tensor(this.classWeight)
    this.evaluator = new Evaluator(engine, model)
    const { mean, std } = train.dataset.transform.device
    this.trainStep = engine.capture(({ images, flips, labels }: BatchTensors) => {
      optimizer.zeroGrad()
      const logits = model.forward(F.normalizeImages(images, flips, { mean, std }))
      const loss = F.crossEntropy(logits, labels, { weight: this.weight, labelSmoothing })
      loss.backward()
      optimizer.step()
      return { loss, logits }
    })
  }

  /** Runs all epochs. Throws when a loss is not finite, naming epoch and step; callbacks' errors pass through. */
  async fit(): Promise<TrainResult> {
    const { epochs, patience = 10, model, onBest, onEpoch } = this.options
    let stopped: TrainResult['stopped'] = 'completed'
    try {
      for (let epoch = 1; epoch <= epochs; epoch++) {
        const row = await this.epoch(epoch)
        if (!row) {
          stopped = 'aborted'
          break
        }
        this.history.push(row)
        const improved = !this.best || !this.options.validation || row.valLoss < this.best.row.valLoss
        if (improved) {
          this.best = { row, state: await model.stateDict() }
          await onBest?.(this.best.state, row)
        }
        await onEpoch?.(row, improved)
        if (epoch < epochs && epoch - this.best!.row.epoch >= patience) {
          stopped = 'early'
          break
        }
      }
      const last = this.history.at(-1)
      if (this.best && (this.best.row !== last || stopped === 'aborted')) model.loadStateDict(this.best.state)
    } finally {
      this.uploader.dispose()
      this.evaluator.dispose()
      this.weight.dispose()
    }
    return { history: this.history, best: this.best?.row ?? null, stopped }
  }

  /** One epoch and its validation; null when stopped on the way. */
  private async epoch(epoch: number): Promise<HistoryRow | null> {
    const { optimizer, validation } = this.options
    const start = performance.now()
    const trained = await this.trainEpoch(epoch)
    if (!trained) return null
    const { lr } = optimizer
    const row: HistoryRow = { epoch, ...trained, valLoss: NaN, valAccuracy: NaN, valAuc: NaN, seconds: 0, lr }
    if (validation) {
      const outputs = await this.evaluate(validation, epoch, trained.trainLoss)
      if (!outputs) return null
      const { accuracy, auc } = computeMetrics(outputs)
      row.valLoss = crossEntropy(outputs, this.classWeight)
      row.valAccuracy = accuracy
      row.valAuc = auc
      finite('validation loss', row.valLoss, `after epoch ${epoch}`)
    }
    row.seconds = (performance.now() - start) / 1000
    return row
  }

  private evaluate(source: BatchSource, epoch: number, loss: number) {
    const { epochs, signal, onProgress } = this.options
    const total = source.dataset.samples.length
    const start = performance.now()
    return this.evaluator.run(source, {
      signal,
      onStep: (images) =>
        onProgress?.({ phase: 'validate', epoch, epochs, images, total, imagesPerSecond: rate(images, start), loss }),
    })
  }

  private async trainEpoch(epoch: number): Promise<TrainedEpoch | null> {
    const { train, epochs, schedule, optimizer, signal, onProgress } = this.options
    const classes = train.dataset.classes.length
    const total = train.dataset.samples.length
    const start = performance.now()
    let step = 0
    let images = 0
    let correct = 0
    let lossSum = 0
    let weightSum = 0
    const results = new Lagging<StepResult>(({ loss, logits, labels }) => {
      step++
      finite('loss', loss, `at epoch ${epoch}, step ${step}`)
      const predicted = argmax(logits, classes)
      const weight = labels.reduce((sum, label) => sum + this.classWeight[label], 0)
      labels.forEach((label, i) => { if (label === predicted[i]) correct++ })
      lossSum += loss * weight
      weightSum += weight
      images += labels.length
      const mean = lossSum / weightSum
      onProgress?.({ phase: 'train', epoch, epochs, images, total, imagesPerSecond: rate(images, start), loss: mean })
    })
    this.setMode()
    for await (const batch of train.epoch(epoch - 1)) {
      if (signal?.aborted) break
      const { labels } = batch
      if (schedule) optimizer.lr = schedule(this.steps)
      this.steps++
      const { loss, logits } = await this.trainStep(this.uploader.fill(batch))
      const reads = Promise.all([take(loss), take(logits)])
      await results.push(reads.then(([[value], rows]) => ({ loss: value, logits: rows, labels })))
    }
    await results.drain()
    if (signal?.aborted) return null
    return { trainLoss: lossSum / weightSum, trainAccuracy: correct / images, imagesPerSecond: rate(images, start) }
  }

  /**
   * Training mode; frozen BatchNorm layers stay in evaluation mode where that was asked for. Counts while a step is
   * recorded.
   */
  private setMode(): void {
    const { model, freezeBatchNorm } = this.options
    model.train()
    if (!freezeBatchNorm) return
    for (const module of model.modules()) {
      if (module instanceof BatchNorm2d && !module.weight.requiresGrad) module.training = false
    }
  }
}

type TrainedEpoch = Pick<HistoryRow, 'trainLoss' | 'trainAccuracy' | 'imagesPerSecond'>

interface StepResult {
  loss: number
  logits: Float32Array
  labels: Int32Array
}

function finite(what: string, value: number, where: string): void {
  check(Number.isFinite(value), `Trainer: the ${what} must stay finite, got ${value} ${where}; lower the learning rate`)
}

const rate = (images: number, since: number): number => images / Math.max((performance.now() - since) / 1000, 1e-9)
