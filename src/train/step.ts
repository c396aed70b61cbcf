// One training step: gradients | exchange | update. What is captured and replayed; epochs, validation and the best
// state are the loop's (loop.ts).
import type { Captured, Engine } from '../engine/index.js'
import type { Classifier } from '../models/registry.js'
import { BatchNorm2d } from '../nn/layers.js'
import type { DeviceOptions } from '../data/transforms.js'
import * as F from '../ops/index.js'
import type { ModelEma } from '../optim/ema.js'
import type { Optimizer as AnyOptimizer } from '../optim/optimizer.js'
import { GradScaler } from '../optim/scaler.js'
import { contiguousRuns } from '../tensor/arena.js'
import { autocast } from '../tensor/mode.js'
import { Tensor, tensor } from '../tensor/tensor.js'
import { SettingError, check } from '../util/check.js'
import { type Late, readLate } from '../util/late.js'
import { checkWhole } from '../util/options.js'
import { rangeOf } from '../util/ranges.js'
import type { Batch } from '../data/dataLoader.js'
import { type BatchTensors, Uploader, networkInput } from './batches.js'

/** What training needs of an optimizer. */
export type Optimizer = Pick<
  AnyOptimizer<{ lr: number }>,
  'lr' | 'groups' | 'zeroGrad' | 'step' | 'stateDict' | 'loadStateDict'
> &
  Partial<Pick<AnyOptimizer<{ lr: number }>, 'lateStateDict'>>

/**
 * Makes the gradients of this process those of all that train together, such as their sums: reads the given tensors
 * and writes them. They are flat f32 runs that hold the gradients of many parameters each (and between two parameters
 * now and then a few numbers that mean nothing), the same ones in every step.
 */
export type Exchange = (gradients: readonly Tensor[]) => Promise<void>

/** Training mode; with `freezeBatchNorm` frozen BatchNorm layers stay in evaluation mode. */
export function trainingMode(model: Classifier, freezeBatchNorm?: boolean): void {
  model.train()
  if (!freezeBatchNorm) return
  for (const module of model.modules()) {
    if (module instanceof BatchNorm2d && !module.weight.requiresGrad) module.training = false
  }
}

/** What a step of training needs. */
export interface StepOptions {
  /** Where it runs. */
  engine: Engine
  /** What is trained. */
  model: Classifier
  /** Over the parameters that are to change. */
  optimizer: Optimizer
  /** What an image of each class counts, [numClasses]. */
  classWeight: Float32Array
  /** How images are sampled and normalised. */
  normalization: DeviceOptions
  /** Share of each label that is spread over all classes. Default 0. */
  labelSmoothing?: number
  /**
   * Changes the gradients of the whole batch before the update: `(parameters) => optim.clipGradNorm(parameters, 1)`.
   * Recorded with the step.
   */
  beforeUpdate?: (parameters: readonly Tensor[]) => void
  /** Of `model`: the moving average that is evaluated and kept; without one the weights themselves are. */
  ema?: Pick<ModelEma, 'reset' | 'update' | 'swap'>
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
  /**
   * Called between the gradients and the update of every step. Without it (the default) both are one submission; the
   * numbers are the same.
   */
  exchange?: Exchange
}

/** A step's result, on the GPU. */
export type StepOutputs = { loss: Tensor; logits: Tensor }

/** `whole`: a batch that no other process has a part of. */
type StepInputs = BatchTensors & { share: Tensor; whole: boolean }

/** An optimizer's and a loss scaler's own numbers. */
export interface UpdateState {
  optimizer: Awaited<ReturnType<Optimizer['stateDict']>>
  scaler: LossScaling | null
}

/** The loss's factor, the steps since it changed, and how many steps were left out for an overflow. */
export type LossScaling = Awaited<ReturnType<GradScaler['stateDict']>>

/**
 * Class-weighted cross-entropy of a batch, its gradients, and an update of the parameters. Each batch shape is recorded
 * once and replayed: bytes are normalised on the GPU, then forward, loss, backward, optimizer.
 * @throws for f16 on an adapter without it, another precision, and unless `gradAccumulation` is a whole number above 0.
 */
export class TrainingStep {
  private readonly uploader = new Uploader()
  private readonly weight: Tensor
  /** 1 / what the batch weighs. */
  private readonly share: Tensor
  /** For f16 only. */
  private readonly scaler: GradScaler | null
  /** Steps left out for an overflow before this object was made. */
  private skippedBefore = 0
  /** All of the step; with an exchange, all before it. */
  private readonly first: Captured<[StepInputs], StepOutputs>
  /** What follows the exchange. */
  private readonly second: Captured<[], null> | null

  constructor(private readonly options: StepOptions) {
    const { engine, optimizer, normalization, gradAccumulation: parts = 1, precision = 'f32', exchange } = options
    checkWhole('Trainer', { gradAccumulation: parts }, 1)
    check(precision === 'f32' || precision === 'f16', `Trainer: precision must be f32 or f16, got ${precision}`)
    if (precision === 'f16' && !engine.features.has('shader-f16')) {
      const rule = `f16 needs an adapter with the feature shader-f16, got ${engine.adapterName}`
      throw new SettingError('precision', rule)
    }
    const { beforeUpdate, ema } = options
    this.scaler = precision === 'f16' ? new GradScaler() : null
    this.weight = tensor(options.classWeight)
    this.share = tensor([0], [])
    const gradients = ({ labels, targets, share, whole, ...batch }: StepInputs): StepOutputs => {
      optimizer.zeroGrad()
      const x = this.lowered(() => networkInput(batch, normalization))
      const ranges = cut(labels.size, parts)
      const all = whole && ranges.length === 1
      const passes = ranges.map((range) => this.pass(x, targets ?? labels, all ? null : share, range))
      return {
        loss: passes.map(({ loss }) => loss).reduce((a, b) => F.add(a, b)),
        logits: F.cat(passes.map(({ logits }) => logits)),
      }
    }
    const update = (): null => {
      if (beforeUpdate) {
        this.scaler?.unscale(optimizer)
        beforeUpdate(optimizer.groups.flatMap(({ params }) => params))
      }
      if (this.scaler) {
        this.scaler.step(optimizer)
        this.scaler.update()
      } else optimizer.step()
      ema?.update()
      return null
    }
    this.first = engine.capture((inputs: StepInputs) => {
      const outputs = gradients(inputs)
      if (!exchange) update()
      return outputs
    })
    this.second = exchange ? engine.capture(update) : null
  }

  /** Whether losses are scaled, as in f16: then a loss that is not finite may have an overflow for its reason. */
  get scales(): boolean {
    return this.scaler !== null
  }

  /** Trains on a batch. */
  async run(batch: Batch): Promise<StepOutputs> {
    const { engine, optimizer, exchange, classWeight } = this.options
    const { labels, targets, whole = labels } = batch
    this.share.write(Float32Array.of(1 / weightOf(whole, Boolean(targets), classWeight)))
    const outputs = await this.first(await this.inputs(batch))
    if (this.second && exchange) {
      const learning = optimizer.groups.flatMap(({ params }) => params.filter((p) => p.grad))
      await exchange(contiguousRuns(learning).map(({ gradients, floats }) => new Tensor(gradients, [floats])))
      await this.second()
      engine.stepCounter-- // two submissions, one step: dropout draws what it does without an exchange
    }
    return outputs
  }

  /** Plans and compiles for batches like this one without running; what follows an exchange needs gradients first. */
  async prepare(batch: Batch): Promise<void> {
    await this.first.prepare(await this.inputs(batch))
  }

  private async inputs(batch: Batch): Promise<StepInputs> {
    return { ...(await this.uploader.fill(batch)), share: this.share, whole: !batch.whole }
  }

  /**
   * Training mode; frozen BatchNorm layers stay in evaluation mode where that was asked for. Before steps, as
   * evaluation leaves the other mode behind.
   */
  setMode(): void {
    trainingMode(this.options.model, this.options.freezeBatchNorm)
  }

  /** How losses are scaled now; null in f32. */
  async lossScaling(): Promise<LossScaling | null> {
    const state = await this.scaler?.stateDict()
    return state ? { ...state, skipped: state.skipped + this.skippedBefore } : null
  }

  /** What `loadState` needs to go on from here, besides the model's own state. */
  async state(): Promise<UpdateState> {
    return readLate<UpdateState>(await this.lateState())
  }

  /** @internal `state()` with arrays that are read when they are wanted. */
  async lateState(): Promise<Late<UpdateState>> {
    const { optimizer } = this.options
    const state = (await optimizer.lateStateDict?.()) ?? (await optimizer.stateDict())
    return { optimizer: state, scaler: await this.lossScaling() }
  }

  /** Goes on from what `state()` gave. */
  loadState({ optimizer, scaler }: UpdateState): void {
    this.options.optimizer.loadStateDict(optimizer)
    if (!scaler) return
    this.scaler?.loadStateDict(scaler)
    this.skippedBefore = scaler.skipped
  }

  /** Gives the input tensors back. */
  dispose(): void {
    this.uploader.dispose()
    this.weight.dispose()
    this.share.dispose()
  }

  /** Forward and backward over rows `start` … `end` - 1, of which each counts `share`; null where they are all. */
  private pass(
    images: Tensor,
    target: Tensor,
    share: Tensor | null,
    { start, end }: { start: number; end: number },
  ): StepOutputs {
    const { model, labelSmoothing = 0 } = this.options
    const options = { weight: this.weight, labelSmoothing }
    if (!share) {
      const logits = this.lowered(() => model.forward(images))
      const loss = F.crossEntropy(logits, target, options)
      loss.backward(this.scaler?.factor)
      return { loss, logits }
    }
    const part = (t: Tensor) => (end - start < t.shape[0] ? F.slice(t, { dim: 0, start, end }) : t)
    const logits = this.lowered(() => model.forward(part(images)))
    const loss = F.crossEntropy(logits, part(target), { ...options, reduction: 'sum' })
    loss.backward(this.scaler?.scale(share) ?? share)
    return { loss: F.mul(loss, share), logits }
  }

  private lowered(fn: () => Tensor): Tensor {
    return autocast(fn, { enabled: this.scales })
  }
}

/**
 * What the losses of these images are divided by, as PyTorch does: the sum of their labels' weights, or with mixed
 * labels the number of images.
 */
export const weightOf = (labels: Int32Array, mixed: boolean, classWeight: Float32Array): number =>
  mixed ? labels.length : labels.reduce((sum, label) => sum + classWeight[label], 0)

/** 0 … n - 1 in at most `parts` ranges of nearly one size. */
function cut(n: number, parts: number): { start: number; end: number }[] {
  const count = Math.min(n, parts)
  return Array.from({ length: count }, (_, i) => rangeOf(n, i, count))
}
