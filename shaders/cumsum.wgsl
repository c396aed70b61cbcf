// Running sums along the middle axis, which is cut into runs of `length`: y[o, n, i] = Σ x[o, m, i] over m <= n of n's
// run, and before[o, r - 1, i], what the runs before it sum up to (if bound). If TOTALS, only the last sum of every
// run, y [outer, runs, inner]. If REVERSED, from the end: m >= n, and runs count from the end. One invocation a run and
// row, in order; ceil(outer · runs · inner / 64) workgroups.
// @variant X = f32, f16
// @variant Y = f32, f16
// @include lib/index.wgsl
struct Params { outer: u32, size: u32, inner: u32, runs: u32, length: u32, has_before: u32 }
@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> before: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Y>;
@group(0) @binding(3) var<uniform> params: Params;
override TOTALS: bool;
override REVERSED: bool;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  if (at >= params.outer * params.runs * params.inner) { return; }
  let i = at % params.inner;
  let r = (at / params.inner) % params.runs;
  let o = at / (params.inner * params.runs);
  var offset = 0.0;
  if (params.has_before != 0u && r > 0u) { offset = before[at - params.inner]; }
  var sum = 0.0;
  for (var n = r * params.length; n < min((r + 1u) * params.length, params.size); n++) {
    let place = (o * params.size + select(n, params.size - 1u - n, REVERSED)) * params.inner + i;
    sum += f32(x[place]);
    if (!TOTALS) { y[place] = Y(offset + sum); }
  }
  if (TOTALS) { y[at] = Y(sum); }
}
