// One axis made longer (or shorter): x [outer, size, inner] → y [outer, padded, inner], y[o, j, i] = x[o, j - before,
// i] and outside, by MODE: `value`; the mirror image around the border, which is not repeated; the border; the other
// end. One invocation an element of y, ceil(outer · padded · inner / 64) workgroups.
// @variant T = f32, f16
// @enum MODE = constant, reflect, replicate, circular
// @include lib/index.wgsl
// @include lib/nan.wgsl
struct Params { outer: u32, size: i32, inner: u32, padded: i32, before: i32, value: f32 }
override MODE: u32;
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  let padded = u32(params.padded);
  if (at >= params.outer * padded * params.inner) { return; }
  let line = at / params.inner;
  let outer = line / padded;
  var j = i32(line - outer * padded) - params.before;
  var missing = false;
  var filler = params.value;
  switch (MODE) {
    case MODE_CONSTANT: { missing = j < 0 || j >= params.size; }
    case MODE_REFLECT: { j = params.size - 1 - abs(params.size - 1 - abs(j)); }
    case MODE_REPLICATE: { j = clamp(j, 0, params.size - 1); }
    case MODE_CIRCULAR: { j = (j + params.size) % params.size; }
    default: { missing = true; filler = nan(); }
  }
  if (missing) {
    y[at] = T(filler);
  } else {
    y[at] = x[(outer * u32(params.size) + u32(j)) * params.inner + at % params.inner];
  }
}
