// Outputs of a model for a whole data set, in evaluation mode. What they are worth is counted in metrics.ts.
import { deviceOptions } from '../data/transforms.js'
import type { Captured, Engine } from '../engine/index.js'
import type { Classifier } from '../models/registry.js'
import { noGrad } from '../tensor/mode.js'
import type { Tensor } from '../tensor/tensor.js'
import {
  type BatchForm,
  type BatchSource,
  type BatchTensors,
  Lagging,
  Uploader,
  emptyBatch,
  networkInput,
  take,
} from './batches.js'
import type { Outputs } from './metrics.js'
import { SizeError, allFinite } from '../util/check.js'
import { checkOptions } from '../util/options.js'

/** Options of {@link Evaluator.run}. */
export interface EvaluateOptions {
  /** Stops after the current step. */
  signal?: AbortSignal
  /** Called with the number of images done so far. */
  onStep?: (images: number) => void
  /** Added to what is said of logits that are not finite, such as 'after epoch 3'. */
  when?: string
}

interface BatchLogits {
  logits: Float32Array
  /** Which samples they are of. */
  indices: Int32Array
}

/** Runs a model over data sets; keeps its recorded step from one call to the next. */
export class Evaluator {
  private readonly uploader = new Uploader()
  private readonly steps = new Map<string, Captured<[BatchTensors], { logits: Tensor }>>()

  constructor(
    private readonly engine: Engine,
    private readonly model: Classifier,
  ) {}

  /**
   * Logits and labels of all samples of `source`, in its order of epoch 0; null when stopped by the signal. Puts the
   * model into evaluation mode and leaves it there.
   * @throws RadiogradError that names the image when its logits are not finite.
   */
  async run(source: BatchSource, options: EvaluateOptions = {}): Promise<Outputs | null> {
    checkOptions('Evaluator', options, ['signal', 'onStep', 'when'])
    const { signal, onStep, when } = options
    this.model.eval()
    const step = this.step(source)
    const { samples, classes } = source.dataset
    const numClasses = classes.length
    const logits = new Float32Array(samples.length * numClasses)
    const labels = new Int32Array(samples.length)
    let submitted = 0
    let done = 0
    const results = new Lagging<BatchLogits>(({ logits: values, indices }) => {
      const name = (at: number) => samples[indices[Math.floor(at / numClasses)]].path
      allFinite(values, (at) => `${name(at)}: logits${when ? ` ${when}` : ''}`)
      logits.set(values, done * numClasses)
      done += indices.length
      onStep?.(done)
    })
    for await (const batch of source.epoch(0)) {
      if (signal?.aborted) return null
      labels.set(batch.labels, submitted)
      submitted += batch.labels.length
      const { indices } = batch
      const result = await step(await this.uploader.fill(batch))
      await results.push(take(result.logits).then((values) => ({ logits: values, indices })))
    }
    await results.drain()
    return signal?.aborted ? null : { logits, labels, numClasses }
  }

  /** Plans and compiles the step for a full batch of `source` without running it. */
  async prepare(source: BatchForm): Promise<void> {
    const batch = emptyBatch(source)
    this.model.eval()
    if (batch) await this.step(source).prepare(await this.uploader.fill(batch))
  }

  /**
   * How many images a step can take on this adapter: the batch size of `source`, halved until it can be planned.
   * @throws SizeError when one image alone is too large.
   */
  async batchThatFits({ dataset, ...most }: BatchForm): Promise<number> {
    for (let { batchSize } = most; ; batchSize = Math.ceil(batchSize / 2)) {
      try {
        await this.prepare({ dataset, batchSize })
        return batchSize
      } catch (error) {
        if (!(error instanceof SizeError) || batchSize === 1) throw error
      }
    }
  }

  /** Gives the input tensors and the recordings back. */
  dispose(): void {
    this.uploader.dispose()
    for (const step of this.steps.values()) step.dispose()
    this.steps.clear()
  }

  /** The captured step for the way a source wants its images normalised. */
  private step({ dataset }: BatchForm): Captured<[BatchTensors], { logits: Tensor }> {
    const options = deviceOptions(dataset.transform)
    const key = JSON.stringify(options)
    let step = this.steps.get(key)
    if (!step) {
      step = this.engine.capture((batch: BatchTensors) =>
        noGrad(() => ({ logits: this.model.forward(networkInput(batch, options)) })),
      )
      this.steps.set(key, step)
    }
    return step
  }
}
