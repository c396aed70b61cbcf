// Packs the page with each bundler as its manual begins: no configuration but where from and where to. Vite's
// development server then serves until standard input ends. Prints one line of JSON.
import { copyFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'
import * as vite from 'vite'
import webpack from 'webpack'

const root = fileURLToPath(new URL('.', import.meta.url))
const page = `${root}page.js`
const built = (bundler) => `${root}built/${bundler}`

await vite.build({ root, base: './', logLevel: 'warn', build: { outDir: built('vite') } })

await esbuild.build({ entryPoints: [page], bundle: true, format: 'esm', minify: true, outdir: built('esbuild') })

const stats = await new Promise((done, failed) =>
  webpack(
    { mode: 'production', entry: page, output: { path: built('webpack'), filename: 'page.js' } },
    (error, result) => (error ? failed(error) : done(result)),
  ),
)
if (stats.hasErrors()) throw new Error(stats.toString('errors-only'))

for (const bundler of ['esbuild', 'webpack']) copyFileSync(`${root}index.html`, `${built(bundler)}/index.html`)

const server = await vite.createServer({ root, logLevel: 'warn', server: { host: '127.0.0.1', port: 0 } })
await server.listen()
console.log(JSON.stringify({ development: server.resolvedUrls.local[0] }))
process.stdin.resume().on('end', () => server.close().then(() => process.exit(0)))
