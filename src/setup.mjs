// What `npm start` and `npm test` do first: install dependencies, build, find an adapter. Needs Node alone; each step
// is skipped when done. With --package, before `npm pack` and after `npm install`: builds what is published instead.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

function run(what, command, args) {
  // Standard output belongs to whoever runs this, as `npm pack --json`.
  const stdio = ['inherit', 2, 2]
  const { status, error } = spawnSync(command, args, { stdio, shell: process.platform === 'win32' })
  if (status === 0) return
  console.error(`setup: ${what} failed${error ? `, ${error.message}` : ` with exit code ${status}`}`)
  process.exit(1)
}

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(`setup: needs Node 20 or newer, this is ${process.version}`)
  process.exit(1)
}
const modified = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0)
if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  console.error('setup     installing dependencies')
  // Its scripts would come back here; those of the dependencies are not needed.
  run('npm ci', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--no-json'])
}
const forPackage = process.argv.includes('--package')
run('the build', process.execPath, ['build.mjs', forPackage ? '--package' : '--browser'])
if (!forPackage) run('finding an adapter', process.execPath, ['dist/src/cli/main.js', 'setup'])
