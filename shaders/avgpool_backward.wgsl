// dx [N, H, W, C] of average pooling: Σ dy / (what the window was divided by) over the windows that cover the pixel
// (lib/avgpool.wgsl). Lanes along channels; dispatched over [ceil(C / 64), pixels], the N·H·W pixels folded into y and
// z.
// @variant T = f32, f16
// @include lib/avgpool.wgsl
struct Params {
  H: u32, W: u32, C: u32, OH: u32, OW: u32, pixels: u32, KH: u32, KW: u32, SH: u32, SW: u32, PH: u32, PW: u32,
  count_padding: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read_write> dx: array<T>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let pixel = wid.z * nwg.y + wid.y;
  if (c >= params.C || pixel >= params.pixels) { return; }
  let n = pixel / (params.W * params.H);
  let rows = windows_over(pixel / params.W % params.H, vertical());
  let columns = windows_over(pixel % params.W, horizontal());
  var sum = 0.0;
  for (var oy = rows.first; oy < rows.end; oy++) {
    let height = window_of(oy, vertical());
    for (var ox = columns.first; ox < columns.end; ox++) {
      let g = f32(dy[((n * params.OH + oy) * params.OW + ox) * params.C + c]);
      sum += g / divisor_of(height, window_of(ox, horizontal()));
    }
  }
  dx[pixel * params.C + c] = T(sum);
}
