// y[to] = scale · x[from] over n elements of shape [s0 … s5]: permute, slice, expand (stride 0), and their gradients.
// from = x_offset + Σ index·x-stride, to = y_offset + Σ index·y-stride. ceil(n / 64) workgroups.
// @include lib/index.wgsl
struct Params {
  n: u32, scale: f32, x_offset: u32, y_offset: u32,
  s1: u32, s2: u32, s3: u32, s4: u32, s5: u32,
  x0: u32, x1: u32, x2: u32, x3: u32, x4: u32, x5: u32,
  y0: u32, y1: u32, y2: u32, y3: u32, y4: u32, y5: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = workgroup_linear(wid, nwg) * 64u + lid;
  if (i >= params.n) { return; }
  var rest = i;
  var ix = params.x_offset;
  var iy = params.y_offset;
  let i5 = rest % params.s5; rest /= params.s5; ix += i5 * params.x5; iy += i5 * params.y5;
  let i4 = rest % params.s4; rest /= params.s4; ix += i4 * params.x4; iy += i4 * params.y4;
  let i3 = rest % params.s3; rest /= params.s3; ix += i3 * params.x3; iy += i3 * params.y3;
  let i2 = rest % params.s2; rest /= params.s2; ix += i2 * params.x2; iy += i2 * params.y2;
  let i1 = rest % params.s1; rest /= params.s1; ix += i1 * params.x1 + rest * params.x0; iy += i1 * params.y1 + rest * params.y0;
  y[iy] = params.scale * x[ix];
}
