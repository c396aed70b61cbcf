// Resizing of an image: x [N, H, W, C] → y [N, OH, OW, C], each pixel one of x or a mean of four
// (lib/interpolate.wgsl). Lanes along channels; dispatched over [ceil(C / 64), pixels], the N·OH·OW output pixels
// folded into y and z.
// @variant T = f32, f16
// @include lib/interpolate.wgsl
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
  let upper = first + u32(rows.first * params.W);
  if (MODE == MODE_NEAREST) {
    y[pixel * params.C + c] = x[(upper + u32(columns.first)) * params.C + c];
    return;
  }
  let lower = first + u32(rows.next * params.W);
  let v = (1.0 - rows.share) * between(upper, columns, c) + rows.share * between(lower, columns, c);
  y[pixel * params.C + c] = T(v);
}

// A line of x, which begins at pixel `line`, between two columns. A share of 0 counts: times infinity it is NaN, as in
// PyTorch.
fn between(line: u32, columns: Source, c: u32) -> f32 {
  let left = f32(x[(line + u32(columns.first)) * params.C + c]);
  let right = f32(x[(line + u32(columns.next)) * params.C + c]);
  return (1.0 - columns.share) * left + columns.share * right;
}
