// The adapter's rate of multiply-adds: chains that depend on nothing but themselves, no memory inside the loop. Every
// invocation runs `turns` × 16 × CHAINS × 4 multiply-adds and writes one vec4 to y [invocations], so that nothing can
// be left out. With factor < 1 the chains stay finite: they tend to summand / (1 - factor).
// CHAINS: independent vec4 a lane. Three fill the 16 registers of AVX2 beside the constants; GPUs and wider registers
// may like more. FMA: multiply and add as one instruction where the adapter has it, else as two.
// Dispatched as many workgroups of 64 as fill the chip.
// @include lib/index.wgsl
// @variant CHAINS = 3, 6
// @variant FMA = 0, 1
struct Params { turns: u32, factor: f32, summand: f32 }
@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(1) var<uniform> params: Params;

fn multiply_add(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>) -> vec4<f32> {
  if (FMA == 1u) { return fma(a, b, c); }
  return a * b + c;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  let factor = vec4(params.factor);
  let summand = vec4(params.summand);
  var chain: array<vec4<f32>, CHAINS>;
  @unroll for (var c = 0u; c < CHAINS; c++) {
    chain[c] = vec4(f32(i & 1023u) * 0.001 + f32(c), f32(c) * 0.25, f32(c) + 1.5, f32(c) - 0.5);
  }
  for (var turn = 0u; turn < params.turns; turn++) {
    @unroll for (var u = 0u; u < 16; u++) {
      @unroll for (var c = 0u; c < CHAINS; c++) {
        chain[c] = multiply_add(chain[c], factor, summand);
      }
    }
  }
  var sum = vec4(0.0);
  @unroll for (var c = 0u; c < CHAINS; c++) {
    sum += chain[c];
  }
  y[i] = sum;
}
