// Average pooling: x [N, H, W, C] → y [N, OH, OW, C], the mean of each window (lib/avgpool.wgsl), of what lies inside
// of the image or, with `count_padding`, of all of it. Lanes along channels; dispatched over [ceil(C / 64), pixels],
// the N·OH·OW output pixels folded into y and z.
// @variant T = f32, f16
// @include lib/avgpool.wgsl
struct Params {
  H: u32, W: u32, C: u32, OH: u32, OW: u32, pixels: u32, KH: u32, KW: u32, SH: u32, SW: u32, PH: u32, PW: u32,
  count_padding: u32,
}
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
  let n = pixel / (params.OW * params.OH);
  let rows = window_of(pixel / params.OW % params.OH, vertical());
  let columns = window_of(pixel % params.OW, horizontal());
  var sum = 0.0;
  for (var iy = rows.first; iy < rows.end; iy++) {
    var line = 0.0; // line by line: long sums lose less
    for (var ix = columns.first; ix < columns.end; ix++) {
      line += f32(x[((n * params.H + iy) * params.W + ix) * params.C + c]);
    }
    sum += line;
  }
  y[pixel * params.C + c] = T(sum / divisor_of(rows, columns));
}
