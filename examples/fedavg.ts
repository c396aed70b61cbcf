// Federated averaging (McMahan et al. 2017) over sites of one machine: in each round every site trains the same weights
// on its own images, and those that come back are averaged by the numbers of images.
//
//     node fedavg.js ROUNDS first.safetensors out.safetensors SITE_A SITE_B … -- --lr 1e-4
import { execFileSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadCheckpoint, safetensorsBytes } from 'radiograd'

const args = process.argv.slice(2)
const end = args.includes('--') ? args.indexOf('--') : args.length
const [[rounds, first, out, ...sites], flags] = [args.slice(0, end), args.slice(end + 1)]
const program = fileURLToPath(new URL('cli/main.js', import.meta.resolve('radiograd')))
copyFileSync(first, out)
for (let round = 1; round <= Number(rounds); round++) {
  const counts = sites.map((data, i) => {
    const one = ['--weights', out, '--data', data, '--out', `${out}.${i}`, '--seed', `${round}`, '--json', ...flags]
    const result = JSON.parse(execFileSync(process.execPath, [program, 'round', ...one], { encoding: 'utf8' }))
    console.log(`round ${round} ${data}: ${result.numExamples} images, loss ${result.loss}`)
    return result.numExamples as number
  })
  const parts = await Promise.all(sites.map((_, i) => loadCheckpoint(`${out}.${i}`)))
  const total = counts.reduce((a, b) => a + b)
  const { tensors, metadata } = parts[0]
  for (const [name, { data }] of tensors) {
    if (!(data instanceof Float32Array)) continue // counters
    const each = parts.map((part) => part.tensors.get(name)!.data as Float32Array)
    data.set(data.map((_, i) => each.reduce((sum, values, k) => sum + (counts[k] / total) * values[i], 0)))
  }
  writeFileSync(out, safetensorsBytes(tensors, { metadata }))
}
