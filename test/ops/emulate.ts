// Subgroup matrices without the hardware: kernels that use them, rewritten so that every lane of a subgroup of 32 holds
// its share of a result and multiplies straight from workgroup memory. What stays is all that is theirs: which elements
// they load, where they put them, which matrices they multiply, and where the sums go.
import { gpu } from '../../src/gpu/gpu.js'
import type { Kernel } from '../../src/gpu/kernel.js'
import { loadMatrixShaders, matrix } from '../../src/shaders.late.js'

const FEATURE = 'chromium-experimental-subgroup-matrix'
const FUNCTIONS = `
const SHARE = S * S / 32u; // of a matrix, for a lane
var<private> own_lane: u32;
var<private> share: u32; // SHARE, but a number that compilers do not know, or they unroll for half a minute
alias Share = array<f32, SHARE>;
fn emulated_multiply(a: vec2<u32>, b: vec2<u32>, before: Share) -> Share {
  var sums = before;
  for (var c = 0u; c < share; c++) {
    let at = own_lane * SHARE + c;
    for (var k = 0u; k < share * (S / SHARE); k++) { sums[c] += f32(left[a.x + at / S * a.y + k]) * f32(right[b.x + at % S * b.y + k]); }
  }
  return sums;
}
fn emulated_store(offset: u32, m: Share, stride: u32) {
  for (var c = 0u; c < share; c++) {
    let at = own_lane * SHARE + c;
    given[offset + at / S * stride + at % S] = m[c];
  }
}`

function emulated(code: string): string {
  const text = code
    .replace(`enable ${FEATURE.replaceAll('-', '_')};`, '')
    .replace(
      /@builtin\(subgroup_id\)subgroup:u32,(@builtin\(subgroup_invocation_id\)lane:u32,)?\s*\)\{/,
      ') { let subgroup = lid / 32u; let lane = lid % 32u; own_lane = lane; share = SHARE + lid / 128u;',
    )
    .replace(/subgroupMatrixLoad<subgroup_matrix_(left|right)<E,S,S>,\w+>\(&\1,/g, 'vec2<u32>(')
    .replaceAll('subgroup_matrix_left<E,S,S>', 'vec2<u32>')
    .replaceAll('subgroup_matrix_result<f32,S,S>', 'Share')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'emulated_multiply(')
    .replaceAll('subgroupMatrixStore<row_major>(&given,', 'emulated_store(')
  const left = /subgroup_?[mM]atrix\w*|subgroup_id/.exec(text)
  if (left) throw new Error(`emulate: does not know ${left[0]}`)
  return text + FUNCTIONS
}

/** Makes the running engine offer matrix units, and their kernels run without. Call before any of them is compiled. */
export async function emulateMatrices(): Promise<void> {
  await loadMatrixShaders()
  for (const kernel of Object.values<Kernel>({ ...matrix })) {
    // Loops stay loops: written out, emulated matrices take compilers half a minute each.
    for (const part of kernel.template.parts.filter(({ file }) => file.endsWith('matrix.wgsl')))
      Object.assign(part, { code: part.code.replaceAll('@unroll for', 'for') })
    for (const variant of kernel.variants.values()) {
      const code = variant.code.bind(variant)
      const features = variant.features.filter((feature) => feature !== FEATURE)
      Object.defineProperties(variant, {
        code: { value: (mixed: boolean) => emulated(code(mixed)) },
        features: { value: features },
      })
    }
  }
  gpu.caps.matrices = {
    f16: { S: 16, E: 'f16', LANES: 32, PIN: 0 },
    f32: { S: 8, E: 'f32', LANES: 32, PIN: 0 },
  }
}
