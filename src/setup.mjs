// What `npm start` and `npm test` do first: install dependencies, build, find an adapter. Needs Node alone; each step
// is skipped when done. With --package, before `npm pack` and after `npm install`: builds what is published instead.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { registryTrouble } from './util/registry.js'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

const say = (text) => console.error(`setup     ${text}`)

function fail(text) {
  console.error(`setup: ${text}`)
  process.exit(1)
}

/** The exit code of a program; says every ten seconds that it still runs, as some are silent for minutes. */
function run(what, command, args, { quiet = false } = {}) {
  return new Promise((done) => {
    // Standard output belongs to whoever runs this, as `npm pack --json`.
    const stdio = quiet ? 'ignore' : ['inherit', 2, 2]
    const child = spawn(command, args, { stdio, shell: process.platform === 'win32' })
    const started = performance.now()
    const passed = () => Math.round((performance.now() - started) / 1000)
    const talking = setInterval(() => say(`${what}, ${passed()} s`), 10_000)
    const end = (code, error) => {
      clearInterval(talking)
      if (error) fail(`${what} failed, ${error.message}`)
      done(code)
    }
    child.on('error', (error) => end(1, error))
    child.on('close', (code) => end(code))
  })
}

async function must(what, command, args) {
  const code = await run(what, command, args)
  if (code !== 0) fail(`${what} failed with exit code ${code}`)
}

if (Number(process.versions.node.split('.')[0]) < 20) fail(`needs Node 20 or newer, this is ${process.version}`)
const modified = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0)
if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  // The scripts of this package would come back here; those of the dependencies are not needed.
  const install = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--no-json']
  const trouble = await registryTrouble()
  if (!trouble) {
    say(`installing ${Object.keys(packages).length} packages, 160 MB with WebGPU's`)
    await must('installing', 'npm', install)
  } else {
    const why =
      `the packages of package-lock.json are wanted and the npm registry cannot be reached (${trouble}); connect, ` +
      "name a proxy or a mirror ('npm config set proxy' or 'registry'), or copy node_modules from a machine that has it"
    // What npm has kept may be enough.
    if (!existsSync(join(process.env.npm_config_cache ?? '', '_cacache'))) fail(why)
    say(`${why}; trying what npm has kept`)
    if (await run('installing from what npm has kept', 'npm', [...install, '--offline'], { quiet: true }))
      fail('what npm has kept is not enough')
  }
}

const forPackage = process.argv.includes('--package')
const canWrite = (() => {
  try {
    accessSync(root, constants.W_OK)
    return true
  } catch {
    return false
  }
})()
if (canWrite || !existsSync('dist/src/cli/main.js'))
  await must('building', process.execPath, ['build.mjs', forPackage ? '--package' : '--browser'])
else say('this folder is read-only: running what was built in it')
if (!forPackage) await must('finding an adapter', process.execPath, ['dist/src/cli/main.js', 'setup'])
