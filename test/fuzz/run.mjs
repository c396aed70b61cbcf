// A long run of a fuzzer: `npm run fuzz -- safetensors 100000 [from] [--keep FOLDER]`, after a build. The fuzzers are
// the files of this folder that export a `campaign`. With --keep, `reference.py FOLDER` then asks PyTorch and the
// safetensors package about what was accepted, `pillow.py FOLDER` Pillow about images.
import { parseArgs } from 'node:util'

const { positionals, values } = parseArgs({ allowPositionals: true, options: { keep: { type: 'string' } } })
const [name, count = '100000', from = '0'] = positionals
const { fuzz } = await import('../../dist/test/fuzz/harness.js')
const started = performance.now()
const result = await fuzz(name, { count: Number(count), from: Number(from), keep: values.keep })
console.log(JSON.stringify({ name, ...result, seconds: Math.round((performance.now() - started) / 1000) }, null, 2))
process.exitCode = result.findings.length ? 1 : 0
