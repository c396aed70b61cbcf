// Max pooling: x [N, H, W, C] → y [N, OH, OW, C] and index [N, OH, OW, C], the place iy·W + ix of the maximum. The
// first maximum in row-major order wins and NaN beats everything, as in PyTorch. All as vec4 of channels: C4 = C / 4.
// One invocation four channels of an output pixel; dispatched over [ceil(OW · C4 / 64), rows], the N·OH rows folded
// into y and z.
// @each 4
// @variant T = f32, f16
// @include lib/math.wgsl
struct Params {
  H: u32, W: u32, C4: u32, OH: u32, OW: u32, rows: u32, KH: u32, KW: u32, SH: u32, SW: u32, PH: u32, PW: u32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> index: array<vec4<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let item = wid.x * 64u + lid;
  let row = wid.z * nwg.y + wid.y;
  if (item >= params.OW * params.C4 || row >= params.rows) { return; }
  let ox = item / params.C4;
  let n = row / params.OH;
  let oy = row - n * params.OH;
  // Window [y0, y1) × [x0, x1) inside the image; u32 wraps are avoided by comparing before subtracting.
  let y0 = select(0u, oy * params.SH - params.PH, oy * params.SH > params.PH);
  let x0 = select(0u, ox * params.SW - params.PW, ox * params.SW > params.PW);
  let y1 = min(oy * params.SH + params.KH - params.PH, params.H);
  let x1 = min(ox * params.SW + params.KW - params.PW, params.W);
  let base = n * params.H * params.W * params.C4 + item - ox * params.C4;
  var place = vec4<u32>(y0 * params.W + x0);
  var best = vec4<f32>(x[base + place.x * params.C4]);
  for (var iy = y0; iy < y1; iy++) {
    for (var ix = x0; ix < x1; ix++) {
      let at = iy * params.W + ix;
      let v = vec4<f32>(x[base + at * params.C4]);
      let wins = (v > best) | is_nan(v);
      best = select(best, v, wins);
      place = select(place, vec4<u32>(at), wins);
    }
  }
  y[row * params.OW * params.C4 + item] = vec4<T>(best);
  index[row * params.OW * params.C4 + item] = place;
}
