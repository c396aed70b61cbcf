// A whole training run as the command line does it, stopped in its middle and gone on with: the numbers at the end are
// those of a run that was never stopped.
import { type RunEvent, openFolder, resumeRun, trainRun, TRAIN_SETTINGS, parseSettings } from 'radiograd'

const data = process.argv[2] ?? 'chest_xray'
const store = openFolder('runs/resumed')
const settings = parseSettings(TRAIN_SETTINGS, {
  data,
  model: 'resnet18',
  imageSize: 32,
  batchSize: 8,
  epochs: 2,
  out: store.name,
})

const stop = new AbortController()
const on = (event: RunEvent) => {
  if (event.kind === 'epoch') console.log(`epoch ${event.row.epoch}: validation loss ${event.row.valLoss}`)
  if (event.kind === 'epoch' && event.row.epoch === 1) stop.abort()
}
const stopped = await trainRun(settings, { store, on, signal: stop.signal })
console.log(stopped.metrics ? 'finished' : 'stopped')

const { metrics } = await resumeRun({}, { store, on: (event) => event.kind === 'resumed' && console.log('goes on') })
console.log(`accuracy ${metrics?.accuracy}`)
