// Max pooling: x [N, H, W, C] → y [N, OH, OW, C] and index [N, OH, OW, C], the place iy·W + ix of the maximum. The first maximum in
// row-major order wins and NaN beats everything, as in PyTorch. Lanes along channels; dispatched over [ceil(C / 64), pixels] with the
// N·OH·OW output pixels folded into y and z.
struct Params { H: u32, W: u32, C: u32, OH: u32, OW: u32, pixels: u32, KH: u32, KW: u32, SH: u32, SW: u32, PH: u32, PW: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> index: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;
// @include lib/math.wgsl

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u + lid;
  let pixel = wid.z * nwg.y + wid.y;
  if (c >= params.C || pixel >= params.pixels) { return; }
  let ox = pixel % params.OW;
  let oy = (pixel / params.OW) % params.OH;
  let n = pixel / (params.OW * params.OH);
  // Window [y0, y1) × [x0, x1) inside the image; u32 wraps are avoided by comparing before subtracting.
  let y0 = select(0u, oy * params.SH - params.PH, oy * params.SH > params.PH);
  let x0 = select(0u, ox * params.SW - params.PW, ox * params.SW > params.PW);
  let y1 = min(oy * params.SH + params.KH - params.PH, params.H);
  let x1 = min(ox * params.SW + params.KW - params.PW, params.W);
  var place = y0 * params.W + x0;
  var best = x[(n * params.H * params.W + place) * params.C + c];
  for (var iy = y0; iy < y1; iy++) {
    for (var ix = x0; ix < x1; ix++) {
      let at = iy * params.W + ix;
      let v = x[(n * params.H * params.W + at) * params.C + c];
      if (v > best || (is_nan(v) && !is_nan(best))) {
        best = v;
        place = at;
      }
    }
  }
  y[pixel * params.C + c] = best;
  index[pixel * params.C + c] = place;
}
