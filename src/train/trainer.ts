// The training loop: epochs, validation, early stopping, the best state, history. Draws nothing and writes no file:
// whoever runs it, the command line or a page, is told what happens through callbacks.
import { BatchNorm2d } from '../nn/layers.js'
import type { Classifier } from '../models/registry.js'
import type { StateDict } from '../nn/module.js'
import * as F from '../ops/index.js'
import type { Optimizer as AnyOptimizer } from '../optim/optimizer.js'
import { GradScaler } from '../optim/scaler.js'
import { autocast } from '../tensor/autocast.js'
import type { Captured, Engine } from '../engine/index.js'
import { type Tensor, tensor } from '../tensor/tensor.js'
import { SettingError, check } from '../util/check.js'
import { type BatchSource, type BatchTensors, Lagging, Uploader, emptyBatch, take } from './batches.js'
import { Evaluator } from './evaluator.js'
import type { HistoryRow } from './history.js'
import { argmax, computeMetrics, crossEntropy } from './metrics.js'

/** What the loop needs of an optimizer. */
export type Optimizer = Pick<AnyOptimizer<{ lr: number }>, 'lr' | 'groups' | 'zeroGrad' | 'step'>

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
  /**
   * Parts that each batch is computed in, one after another; default 1. Their gradients are summed to those of the
   * whole batch, for the memory of one part. (BatchNorm in training mode sees each part by itself.)
   */
  gradAccumulation?: number
  /**
   * 'f16' trains in mixed precision, where the adapter has `shader-f16`: activations and their gradients are f16,
   * everything else, and all of validation, f32. Default 'f32'.
   */
  precision?: 'f32' | 'f16'
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
  /**
   * With precision f16: the loss's factor at the end, the steps since it changed, and how many steps were left out for
   * an overflow.
   */
  lossScaling: { scale: number; growthTracker: number; skipped: number } | null
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
  private readonly share: Tensor
  /** For f16 only. */
  private readonly scaler: GradScaler | null
  private readonly trainStep: Captured<[TrainInputs], { loss: Tensor; logits: Tensor }>
  private steps = 0
  private best: { row: HistoryRow; state: StateDict } | null = null

  constructor(private readonly options: TrainerOptions) {
    const { engine, model, optimizer, train, epochs, patience = 10 } = options
    const classes = train.dataset.classes.length
    check(Number.isInteger(epochs) && epochs > 0, `Trainer: epochs must be a whole number above 0, got ${epochs}`)
    check(patience > 0, `Trainer: patience must be above 0, got ${patience}`)
    this.classWeight = options.classWeight ?? new Float32Array(classes).fill(1)
    const { length } = this.classWeight
    check(length === classes, `Trainer: classWeight must hold ${classes} numbers, one per class, got ${length}`)
    const { gradAccumulation: parts = 1 } = options
    check(
      Number.isInteger(parts) && parts > 0,
      `Trainer: gradAccumulation must be a whole number above 0, got ${parts}`,
    )
    const { precision = 'f32' } = options
    check(precision === 'f32' || precision === 'f16', `Trainer: precision must be f32 or f16, got ${precision}`)
    if (precision === 'f16' && !engine.features.has('shader-f16')) {
      const rule = `f16 needs an adapter with the feature shader-f16, got ${engine.adapterName}`
      throw new SettingError('precision', rule)
    }
    this.scaler = precision === 'f16' ? new GradScaler() : null
    this.weight = tensor(this.classWeight)
    this.share = tensor([0], [])
    this.evaluator = new Evaluator(engine, model)
    const { mean, std } = train.dataset.transform.device
    this.trainStep = engine.capture(({ images, flips, labels, share }: TrainInputs) => {
      optimizer.zeroGrad()
      const x = this.lowered(() => F.normalizeImages(images, flips, { mean, std }))
      const passes = cut(labels.size, parts).map((range) => this.pass(x, labels, share, range))
      if (this.scaler) {
        this.scaler.step(optimizer)
        this.scaler.update()
      } else optimizer.step()
      return {
        loss: passes.map(({ loss }) => loss).reduce((a, b) => F.add(a, b)),
        logits: F.cat(passes.map(({ logits }) => logits)),
      }
    })
  }

  /** Forward and backward over rows `start` … `end` - 1 of the batch; `share` is 1 / the sum of the batch's weights. */
  private pass(
    images: Tensor,
    labels: Tensor,
    share: Tensor,
    { start, end }: { start: number; end: number },
  ): { loss: Tensor; logits: Tensor } {
    const { model, labelSmoothing = 0 } = this.options
    const options = { weight: this.weight, labelSmoothing }
    if (end - start === labels.size) {
      const logits = this.lowered(() => model.forward(images))
      const loss = F.crossEntropy(logits, labels, options)
      this.scaled(loss).backward()
      return { loss, logits }
    }
    const part = (t: Tensor) => F.slice(t, { dim: 0, start, end })
    const logits = this.lowered(() => model.forward(part(images)))
    const loss = F.crossEntropy(logits, part(labels), { ...options, reduction: 'sum' })
    this.scaled(loss).backward(share)
    return { loss: F.mul(loss, share), logits }
  }

  private lowered(fn: () => Tensor): Tensor {
    return autocast(fn, { enabled: this.scaler !== null })
  }

  private scaled(loss: Tensor): Tensor {
    return this.scaler?.scale(loss) ?? loss
  }

  /**
   * Plans and compiles both steps for full batches without running them: after it `engine.memory()` tells what training
   * takes.
   */
  async prepare(): Promise<void> {
    const { validation } = this.options
    this.setMode()
    await this.prepareTraining()
    if (validation) await this.evaluator.prepare(validation)
  }

  private async prepareTraining(): Promise<void> {
    const batch = emptyBatch(this.options.train)
    if (batch) await this.trainStep.prepare({ ...this.uploader.fill(batch), share: this.share })
  }

  /**
   * Runs all epochs; callbacks' errors pass through.
   * @throws RadiogradError when a loss or a logit is not finite, naming epoch and step or image.
   */
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
      this.share.dispose()
    }
    return {
      history: this.history,
      best: this.best?.row ?? null,
      stopped,
      lossScaling: (await this.scaler?.stateDict()) ?? null,
    }
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
      when: `after epoch ${epoch}`,
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
      finite(
        'loss',
        loss,
        `at epoch ${epoch}, step ${step}`,
        this.scaler ? 'lower the learning rate, or train in f32' : undefined,
      )
      const predicted = argmax(logits, classes)
      const weight = labels.reduce((sum, label) => sum + this.classWeight[label], 0)
      labels.forEach((label, i) => {
        if (label === predicted[i]) correct++
      })
      lossSum += loss * weight
      weightSum += weight
      images += labels.length
      const mean = lossSum / weightSum
      onProgress?.({ phase: 'train', epoch, epochs, images, total, imagesPerSecond: rate(images, start), loss: mean })
    })
    this.setMode()
    const prepared = this.prepareTraining() // compiles while the first images are decoded
    prepared.catch(() => {}) // the step says the same
    for await (const batch of train.epoch(epoch - 1)) {
      if (signal?.aborted) break
      const { labels } = batch
      if (schedule) optimizer.lr = schedule(this.steps)
      this.steps++
      this.share.write(Float32Array.of(1 / labels.reduce((sum, label) => sum + this.classWeight[label], 0)))
      const { loss, logits } = await this.trainStep({ ...this.uploader.fill(batch), share: this.share })
      const reads = Promise.all([take(loss), take(logits)])
      await results.push(reads.then(([[value], rows]) => ({ loss: value, logits: rows, labels })))
    }
    await Promise.all([prepared, results.drain()])
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

type TrainInputs = BatchTensors & { share: Tensor }

/** 0 … n - 1 in at most `parts` ranges of nearly one size. */
function cut(n: number, parts: number): { start: number; end: number }[] {
  const count = Math.min(n, parts)
  return Array.from({ length: count }, (_, i) => ({
    start: Math.floor((i * n) / count),
    end: Math.floor(((i + 1) * n) / count),
  }))
}

type TrainedEpoch = Pick<HistoryRow, 'trainLoss' | 'trainAccuracy' | 'imagesPerSecond'>

interface StepResult {
  loss: number
  logits: Float32Array
  labels: Int32Array
}

function finite(what: string, value: number, where: string, remedy = 'lower the learning rate'): void {
  check(Number.isFinite(value), `Trainer: the ${what} must stay finite, got ${value} ${where}; ${remedy}`)
}

const rate = (images: number, since: number): number => images / Math.max((performance.now() - since) / 1000, 1e-9)
