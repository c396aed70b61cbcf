// Packs the page with each bundler as its manual begins: no configuration but where from and where to. Vite's
// development server then serves until standard input ends. Prints one line of JSON.
import { copyFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'
import * as vite from 'vite'
import webpack from 'webpack'

const root = fileURLToPath(new URL('.', import.meta.url))
/** What computes in the page itself, and what has a worker train. */
const PAGES = ['page', 'train']
const at = (ending) => Object.fromEntries(PAGES.map((page) => [page, `${root}${page}${ending}`]))
const built = (bundler) => `${root}built/${bundler}`

const input = at('.html')
await vite.build({ root, base: './', logLevel: 'warn', build: { outDir: built('vite'), rolldownOptions: { input } } })

// It leaves a worker's address as it is: the worker's program is one more entry.
const entryPoints = { ...at('.js'), 'run.worker': `${root}run.worker.js` }
await esbuild.build({ entryPoints, bundle: true, format: 'esm', minify: true, outdir: built('esbuild') })

const stats = await new Promise((done, failed) =>
  webpack(
    { mode: 'production', entry: at('.js'), output: { path: built('webpack'), filename: '[name].js' } },
    (error, result) => (error ? failed(error) : done(result)),
  ),
)
if (stats.hasErrors()) throw new Error(stats.toString('errors-only'))

for (const bundler of ['esbuild', 'webpack'])
  for (const page of PAGES) copyFileSync(`${root}${page}.html`, `${built(bundler)}/${page}.html`)

const server = await vite.createServer({ root, logLevel: 'warn', server: { host: '127.0.0.1', port: 0 } })
await server.listen()
console.log(JSON.stringify({ development: server.resolvedUrls.local[0] }))
process.stdin.resume().on('end', () => server.close().then(() => process.exit(0)))
