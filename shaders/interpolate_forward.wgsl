// Resizing of an image: x [N, H, W, C] → y [N, OH, OW, C], each pixel one of x or a mean of four
// (lib/interpolate.wgsl). Lanes along channels; dispatched over [ceil(C / 64), pixels], the N·OH·OW output pixels
// folded into y and z.
// @variant T = f32, f16
// @enum MODE = nearest, bilinear
// @include lib/interpolate.wgsl
// @include lib/nan.wgsl
struct Params {
  H: i32, W: i32, C: u32, OH: i32, OW: i32, pixels: u32, scale_h: f32, scale_w: f32, by_h: i32, by_w: i32, plus_h: i32,
  plus_w: i32, over_h: i32, over_w: i32,
}
override MODE: u32;
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let pixel = wid.z * nwg.y + wid.y;
  if (c >= params.C || pixel >= params.pixels) { return; }
  let OW = u32(params.OW);
  let OH = u32(params.OH);
  let first = pixel / (OW * OH) * u32(params.H * params.W);
  let rows = source_of(i32(pixel / OW % OH), vertical());
  let columns = source_of(i32(pixel % OW), horizontal());
  let upper = between(first + u32(rows.first * params.W), columns, c);
  let lower = between(first + u32(rows.next * params.W), columns, c);
  y[pixel * params.C + c] = T(mixed(upper, lower, rows.share));
}

// A share of 0 asks nothing of b: 0 times infinity would be NaN.
fn mixed(a: f32, b: f32, share: f32) -> f32 {
  if (share == 0.0) { return a; }
  return (1.0 - share) * a + share * b;
}

// A line of x, which begins at pixel `line`, between two columns.
fn between(line: u32, columns: Source, c: u32) -> f32 {
  let left = f32(x[(line + u32(columns.first)) * params.C + c]);
  return mixed(left, f32(x[(line + u32(columns.next)) * params.C + c]), columns.share);
}
