// Subgroup matrices without the hardware: kernels that use them, rewritten so that every lane of a subgroup of 32 holds eight numbers of a
// result and multiplies straight from workgroup memory. What stays is all that is theirs: which elements they load, where they put
// them, which matrices they multiply, and where the sums go.
import { gpu } from '../../src/gpu/gpu.js'
import type { Kernel } from '../../src/gpu/kernel.js'
import * as shaders from '../../src/shaders.gen.js'

const FEATURE = 'chromium-experimental-subgroup-matrix'
const FUNCTIONS = `
var<private> own_lane: u32;
var<private> eight: u32; // by a number that compilers do not know, or they unroll for half a minute
fn emulated_multiply(a: vec2<u32>, b: vec2<u32>, before: array<f32, 8>) -> array<f32, 8> {
  var sums = before;
  for (var c = 0u; c < eight; c++) {
    let at = own_lane * 8u + c;
    for (var k = 0u; k < 2u * eight; k++) { sums[c] += f32(left[a.x + at / 16u * a.y + k]) * f32(right[b.x + k * b.y + at % 16u]); }
  }
  return sums;
}
fn emulated_store(offset: u32, m: array<f32, 8>, stride: u32) {
  for (var c = 0u; c < eight; c++) {
    let at = own_lane * 8u + c;
    given[offset + at / 16u * stride + at % 16u] = m[c];
  }
}`

function emulated(code: string): string {
  const text = code
    .replace(`enable ${FEATURE.replaceAll('-', '_')};`, '')
    .replace(/@builtin\(subgroup_id\) subgroup: u32, @builtin\(subgroup_invocation_id\) lane: u32,\s*\) \{/,
      ') { let subgroup = lid / 32u; let lane = lid % 32u; own_lane = lane; eight = 8u + lid / 128u;')
    .replace(/subgroupMatrixLoad<subgroup_matrix_(left|right)<T, 16, 16>, row_major>\(&\1, /g, 'vec2<u32>(')
    .replaceAll('subgroup_matrix_result<f32, 16, 16>', 'array<f32, 8>')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'emulated_multiply(')
    .replaceAll('subgroupMatrixStore<row_major>(&given, ', 'emulated_store(')
  const left = /subgroup_?[mM]atrix\w*|subgroup_id/.exec(text)
  if (left) throw new Error(`emulate: does not know ${left[0]}`)
  return text + FUNCTIONS
}

/** Makes the running engine offer matrix units, and their kernels run without. Call before any of them is compiled. */
export function emulateMatrices(): void {
  for (const kernel of Object.values(shaders) as Kernel[]) {
    if (!kernel.requires.includes(FEATURE)) continue
    const sources = Object.fromEntries(Object.entries(kernel.sources).map(([variant, code]) => [variant, emulated(code)]))
    Object.assign(kernel, { sources, requires: kernel.requires.filter((feature) => feature !== FEATURE) })
  }
  gpu.caps.matrices = true
}
