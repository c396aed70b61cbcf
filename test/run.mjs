// Runs the tests: every file in a process of its own, four at a time (two cores are enough; the others are
// for when one waits for a browser or a disk). `npm test -- weights` runs the files whose path holds a word
// (`/check.test` is the file of that name alone). Operators run on each software adapter that is installed. Prints
// the output of what fails, and last `N passed, N failed`.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const words = process.argv.slice(2)
/** A file that prints nothing for so long hangs; a slow machine is no reason to stop one. */
const SILENT_MINUTES = 20
/** How often it is said what runs, while nothing ends. */
const SAY_EVERY_MS = 30_000
const ON_EVERY_ADAPTER = [/ops\/parity/, /engine\/engine/]

const files = readdirSync(join(root, 'test'), { recursive: true })
  .filter((file) => file.endsWith('.test.ts') && words.every((word) => `/${file}`.includes(word)))
  .sort()
const adapters = await installed()
const jobs = files.flatMap((file) => {
  const everywhere =
    !process.env.RADIOGRAD_ADAPTER && adapters.length > 1 && ON_EVERY_ADAPTER.some((name) => name.test(file))
  return (everywhere ? adapters : [undefined]).map((adapter) => ({ file, adapter }))
})
// Long ones first, so that the lanes end together.
jobs.sort((a, b) => weight(b) - weight(a))

const total = jobs.length
const running = new Set()
let done = 0
let passed = 0
let failed = 0
const started = performance.now()
let lastLine = started
const seconds = () => ((performance.now() - started) / 1000).toFixed(0)
const talking = setInterval(() => {
  if (performance.now() - lastLine > SAY_EVERY_MS)
    say(`     ${seconds()} s, ${done} of ${total} done, running ${[...running].join(', ')}`)
}, 1000)
await Promise.all([lane(), lane(), lane(), lane()])
clearInterval(talking)
console.log(`${seconds()} s`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed || !passed ? 1 : 0

function weight({ file, adapter }) {
  return (
    [
      /docs/,
      /browser\/engines/,
      /models\/(resnet|vit)/,
      /cli\//,
      /app\/resume/,
      /examples/,
      /ops\/parity/,
      /browser/,
      /ops\//,
      /check/,
    ]
      .reverse()
      .findLastIndex((name) => name.test(file)) + (adapter === 'swiftshader' ? 0.5 : 0)
  )
}

function say(text) {
  lastLine = performance.now()
  console.log(text)
}

async function lane() {
  for (let job; (job = jobs.shift());) await run(job)
}

/** Software adapters that answer here. */
async function installed() {
  const answers = await Promise.all(
    ['lavapipe', 'swiftshader'].map(
      (kind) =>
        new Promise((done) => {
          spawn(process.execPath, [join(root, 'dist/src/cli/main.js'), 'info', '--json'], {
            stdio: 'ignore',
            env: { ...process.env, RADIOGRAD_ADAPTER: kind },
          }).on('close', (code) => done(code === 0 ? kind : null))
        }),
    ),
  )
  return answers.filter(Boolean)
}

function run({ file, adapter }) {
  return new Promise((end) => {
    const name = `${relative(root, join(root, 'test', file))}${adapter ? ` on ${adapter}` : ''}`
    running.add(name)
    const path = join(root, 'dist/test', file.replace(/ts$/, 'js'))
    // What was measured on this machine before must not choose the kernels under test.
    const env = {
      ...process.env,
      NODE_OPTIONS: '--unhandled-rejections=strict',
      RADIOGRAD_CHOICES: '/nonexistent/choices.json',
      ...(adapter && { RADIOGRAD_ADAPTER: adapter }),
    }
    const child = spawn(process.execPath, [path], { cwd: root, env })
    const began = performance.now()
    let timer
    const heard = () => {
      clearTimeout(timer)
      timer = setTimeout(() => child.kill('SIGKILL'), SILENT_MINUTES * 60_000)
    }
    heard()
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        heard()
        output += chunk
      })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const count = (label) =>
        [...output.matchAll(new RegExp(`^  ${label}:\\s+(\\d+)`, 'gm'))].reduce((sum, m) => sum + Number(m[1]), 0)
      const good = count('Passed')
      let bad = count('Total') - good - count('Skipped')
      if (code !== 0 && bad === 0) bad = 1 // it crashed, or was stopped
      passed += good
      failed += bad
      running.delete(name)
      done++
      say(
        `${bad ? 'FAIL' : 'ok  '} ${name}  ${good} passed${bad ? `, ${bad} failed` : ''}  ${((performance.now() - began) / 1000).toFixed(1)} s  ${done}/${total}`,
      )
      for (const line of output.split('\n')) if (/^skip: /.test(line)) console.log(`     ${line}`)
      if (bad)
        console.log(
          output.slice(-8000) +
            (signal ? `\nstopped by ${signal}; a file that says nothing for ${SILENT_MINUTES} minutes is\n` : ''),
        )
      end()
    })
  })
}
