// A process of its own for the cold start: `firststep.js NAME` runs the first step of the work with that name and
// prints one line of JSON. Whoever starts it turns the driver's cache off. Times in ms: opening the adapter; making the
// model and its inputs; the first step (recording, planning, compiling, running) until its result is on the host. Of
// the loading of modules nothing counts.
import { performance } from 'node:perf_hooks'
import { init } from '../src/index.js'
import { build, steps } from './steps.js'

const work = steps.find(({ name }) => name === process.argv[2])
if (!work) throw new Error(`firststep: no step is called '${process.argv[2]}'`)
const marks = [performance.now()]
const engine = await init({ tune: false })
marks.push(performance.now())
const step = engine.capture(build(work))
await engine.idle()
marks.push(performance.now())
await (await step()).data()
marks.push(performance.now())
const [initMs, modelMs, stepMs] = marks.slice(1).map((mark, i) => mark - marks[i])
console.log(JSON.stringify({ initMs, modelMs, stepMs }))
engine.dispose()
