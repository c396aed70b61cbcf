// What a run knows of itself in sentences: the methods paragraph, and the answers to the guidelines' items.
import { shownRuns, type FinishedRun, type ReportInput } from './run.js'
import { count, list, num, plural, withInterval } from './words.js'

export type Fact = keyof ReturnType<typeof factsOf>

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)
const counts = (of: Readonly<Record<string, number>>) =>
  list(Object.entries(of).map(([name, n]) => `${count(n)} ${name}`))
/** The same sentence once. */
const once = (texts: readonly string[]) => [...new Set(texts)].join(' ')

/** How a run's model was made and trained, in one sentence. */
function trainingText({ name, record }: FinishedRun): string {
  const { settings, weights, bestEpoch, epochs, stopped } = record
  const { optimizer, lr, schedule, batchSize, precision, trainable, dropLast, balance, mixup, cutmix, augment } =
    settings
  const model = settings.model === name ? name : `${name} (${settings.model})`
  const start = weights ? `pretrained weights (${weights.loaded} of ${weights.tensors} tensors)` : 'random weights'
  const end =
    stopped === 'early' ? `, stopped early after ${plural(epochs, 'epoch')}` : ` for ${plural(epochs, 'epoch')}`
  const parts = [
    optimizer,
    `learning rate ${lr}${schedule === 'constant' ? '' : ` falling by ${schedule}`}`,
    `batches of ${batchSize}${dropLast ? ' (incomplete ones left out)' : ''}`,
    `cross-entropy${balance === 'weights' ? ' weighted so that classes count alike' : ''}`,
    ...(balance === 'oversample' ? ['images of rarer classes taken more often'] : []),
    ...(mixup > 0 ? [`images mixed (mixup ${mixup})`] : []),
    ...(cutmix > 0 ? [`boxes of images exchanged (cutmix ${cutmix})`] : []),
    { none: 'no augmentation', notebook: 'images mirrored at random' }[augment] ??
      `images varied at random (${augment})`,
    precision,
  ]
  return (
    `${model} started from ${start}; ${trainable ? list(trainable) : 'all parameters'} were trained${end} with ` +
    `${parts.join(', ')}; the weights of epoch ${bestEpoch} were kept.`
  )
}

const preprocessing = ({ record: { settings } }: FinishedRun) =>
  (settings.resizeSize
    ? `Images were resized to a shorter side of ${settings.resizeSize} px, ` +
      `and the middle ${settings.imageSize} × ${settings.imageSize} px cut out`
    : `Images were resized to ${settings.imageSize} × ${settings.imageSize} px, proportions not kept`) +
  '; gray levels were normalised as the pretrained weights want them.'

/** Answers by what they are about. */
export function factsOf({ runs, data }: ReportInput) {
  const shown = shownRuns(runs)
  const [first] = shown
  const { record } = first
  const binary = record.classes.length === 2
  const [, positive] = record.classes
  const seeds = [...new Set(runs.map((run) => run.record.settings.seed))]
  const across = data.flatMap(({ audit }) =>
    audit.patients.flatMap(({ key, overlaps }) => overlaps.map((o) => ({ key, ...o }))),
  )
  const byPoint = (run: FinishedRun) => {
    const { rule, threshold, temperature, images } = run.atPoint.operatingPoint
    const when = threshold === null ? 'the most probable class is called' : `threshold ${num(threshold)} by ${rule}`
    const fitted = images ? `, fitted on ${images} validation images` : ''
    return `${run.name}: ${when}, temperature ${num(temperature, 3)}${fitted}.`
  }
  const performance = shown
    .map(({ name, mostProbable: { measures } }) => {
      const say = (what: string, key: string) => (measures[key] ? [`${what} ${withInterval(measures[key])}`] : [])
      const parts = [
        ...say('AUC', 'auc'),
        ...say('accuracy', 'accuracy'),
        ...say('sensitivity', 'sensitivity'),
        ...say('specificity', 'specificity'),
      ]
      return `${name}: ${list(parts)}.`
    })
    .join(' ')
  return {
    technology:
      `Deep learning: ${list(shown.map((run) => run.record.settings.model))}, ` +
      `classification of images as ${list(record.classes)}.`,
    goal: 'Development of models and their evaluation on the test images of the same data set.',
    source:
      `${data.length === 1 ? 'Folder' : 'Folders'} ${list(data.map(({ name }) => name))}; ` +
      'each image is labelled by the folder it is in.',
    included: data
      .map(({ audit }) => {
        const out = audit.leftOut.length + audit.unreadable.length
        const left = out ? `${plural(out, 'file')} left out or unreadable` : 'none left out'
        return `Every JPEG and PNG image in a class folder; ${left}.`
      })
      .join(' '),
    preprocessing: once(shown.map(preprocessing)),
    subset: once(
      shown.map(({ record: { settings } }) =>
        settings.limit
          ? `${count(settings.limit)} training images at most, drawn at random with the shares of the classes.`
          : 'All training images.',
      ),
    ),
    missing: 'Images that cannot be decoded are refused or left out by name; there are no other inputs.',
    reference: `The folder's name: ${list(record.classes)}. How the labels came about is not stated.`,
    partitions: once(
      shown.map(
        ({ record: r }) =>
          `Training ${count(sum(r.images.train))}, ` +
          `validation ${r.images.validation ? count(sum(r.images.validation)) : 'none'} ` +
          `(${r.validationFrom}), test ${count(sum(r.images.test))} images in a folder of its own.`,
      ),
    ),
    disjoint:
      `${once(shown.map(({ record: r }) => `Validation: ${r.validationFrom}, as far as file names tell.`))} ` +
      'Training and test as the folders give them: ' +
      (across.length
        ? `${list(
            across.map(
              ({ key, patients, splits: [a, b] }) =>
                `by ${key}, ${plural(patients.length, 'patient')} of ${a} in ${b} too`,
            ),
          )}.`
        : 'no patient in both, as far as file names tell.'),
    model: shown.map(({ name, record: r }) => `${name}: ${r.settings.model} at ${r.settings.imageSize} px.`).join(' '),
    software: list(Object.entries(record.versions).map(([name, version]) => `${name} ${version}`)),
    initialisation: shown
      .map(({ name, record: { weights } }) =>
        weights
          ? `${name}: pretrained, ${weights.loaded} of ${weights.tensors} tensors; ` +
            `${weights.missing.length + weights.reinitialised.length} fresh.`
          : `${name}: random values.`,
      )
      .join(' '),
    training: shown.map(trainingText).join(' '),
    selection: record.images.validation
      ? 'The epoch with the lowest validation loss; the test images decided nothing.'
      : 'The last epoch: there was no validation.',
    ensembling: 'None.',
    metrics: binary
      ? `With ${positive} as positive: accuracy, sensitivity, specificity, PPV, NPV, F1, likelihood ratios, AUC, ` +
        'average precision, Brier score, expected calibration error.'
      : 'With every class in turn as positive: accuracy, and means of precision, recall, specificity, F1 and AUC.',
    uncertainty:
      'Intervals of 95 % come from 2,000 resamples of the patients, with a fixed seed; those of shares whose images ' +
      'are independent, or all right or all wrong, are Wilson’s score intervals' +
      (shown.length > 1 ? "; two models were compared by DeLong's test and by a bootstrap of pairs." : '.'),
    robustness:
      seeds.length > 1 ? `Trained with ${seeds.length} seeds (${seeds.join(', ')}); mean and spread given.` : undefined,
    explainability: shown
      .filter(({ explained }) => explained.length)
      .map(
        ({ name, explained: [{ maps }] }) =>
          `${name}: ${list(maps.map(({ words }) => words))}, each beside the same with randomised weights.`,
      )
      .join(' '),
    internal: 'The test folder of the same data set.',
    external:
      'None by this report: development and test images are of one data set. Whether its test images have another ' +
      'origin is not stated.',
    numbers: once(
      runs.map(
        ({ record: { images }, mostProbable }) =>
          `Training ${counts(images.train)}${images.validation ? `, validation ${counts(images.validation)}` : ''}, ` +
          `test ${counts(images.test)} of ${count(mostProbable.patients)} patients as far as names tell.`,
      ),
    ),
    performance,
    failures: 'The most confident mistakes are shown with heat maps; all predictions are in results.json.',
    limitations:
      'One data set, labels taken as they are, no external test; what the audit found (copies, patients on both ' +
      'sides, shortcuts) stands at the beginning.',
    use: 'None: this is no medical device.',
    details: 'results.json beside this page; run.json of each run.',
    availability: 'radiograd (MIT licence); the weights are in best.safetensors of each run.',
    predictors: 'The pixels of one image.',
    updating: 'None.',
    predictions: 'Softmax of the logits over the temperature.',
    imbalance: once(
      shown.map(
        ({ record: { settings } }) =>
          ({
            weights:
              'The loss weighs classes by how rare they are: read probabilities as if classes were equally frequent.',
            oversample:
              'Images of rarer classes are taken more often: read probabilities as if classes were equally frequent.',
          })[settings.balance] ?? 'Not corrected.',
      ),
    ),
    output: shown.map(byPoint).join(' '),
    balance: `Training ${counts(record.images.train)}; test ${counts(record.images.test)}.`,
    specification: 'Architecture by name, weights in best.safetensors of each run.',
  }
}

/** What a methods section says, as one paragraph of sentences that can be copied. */
export function methodsParagraph(input: ReportInput): string {
  const { runs, data } = input
  const facts = factsOf(input)
  const shown = shownRuns(runs)
  const { adapter, versions } = runs[0].record
  const seeds = [...new Set(runs.map((run) => run.record.settings.seed))]
  const images = once(
    shown.map(({ record: { images: of, validationFrom } }) => {
      const validation = of.validation && `, ${count(sum(of.validation))} (${validationFrom}) to choose by`
      return `${count(sum(of.train))} images were used to train${validation ?? ''} and ${count(sum(of.test))} to test.`
    }),
  )
  const point = shown.flatMap((run) => {
    const { rule, threshold, temperature, images: n } = run.atPoint.operatingPoint
    const fitted = n ? `a temperature of ${num(temperature, 3)}` : ''
    return threshold === null
      ? fitted && [`${run.name} got ${fitted} from ${plural(n, 'validation image')}.`]
      : [
          `For ${run.name}, ${plural(n, 'validation image')} gave ${fitted} and, by ${rule}, a threshold of ` +
            `${num(threshold)}.`,
        ]
  })
  return [
    `Images came from the ${data.length === 1 ? 'folder' : 'folders'} ${list(data.map(({ name }) => name))} and were ` +
      `labelled by the folder that each is in (${list(runs[0].record.classes)}).`,
    images,
    facts.preprocessing,
    facts.training,
    seeds.length > 1 && `Each model was trained with the seeds ${list(seeds.map(String))}.`,
    runs[0].record.images.validation
      ? 'The epoch with the lowest validation loss was kept; the test images decided nothing.'
      : 'The last epoch was kept; there was no validation.',
    ...point,
    `Reported are, w${facts.metrics.slice(1)}`,
    facts.uncertainty,
    `All was computed with radiograd ${versions.radiograd ?? ''} on ${adapter.name}` +
      `${adapter.isSoftware ? ' (a software adapter)' : ''}.`,
  ]
    .filter(Boolean)
    .join(' ')
}
