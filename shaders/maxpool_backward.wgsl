// dx [N, H, W, C] = Σ dy [N, OH, OW, C] over the windows whose maximum (index [N, OH, OW, C], place iy·W + ix) is this element: a gather,
// so the order of the sum is fixed. Lanes along channels; dispatched over [ceil(C / 64), pixels], the N·H·W pixels folded into y and z.
struct Params { H: u32, W: u32, C: u32, OH: u32, OW: u32, pixels: u32, KH: u32, KW: u32, SH: u32, SW: u32, PH: u32, PW: u32 }
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u + lid;
  let pixel = wid.z * nwg.y + wid.y;
  if (c >= params.C || pixel >= params.pixels) { return; }
  let ix = pixel % params.W;
  let iy = (pixel / params.W) % params.H;
  let n = pixel / (params.W * params.H);
  // Windows oy with oy·S - P <= iy < oy·S - P + K.
  let oy0 = select(0u, (iy + params.PH - params.KH) / params.SH + 1u, iy + params.PH >= params.KH);
  let ox0 = select(0u, (ix + params.PW - params.KW) / params.SW + 1u, ix + params.PW >= params.KW);
  let oy1 = min((iy + params.PH) / params.SH + 1u, params.OH);
  let ox1 = min((ix + params.PW) / params.SW + 1u, params.OW);
  let place = iy * params.W + ix;
  var sum = 0.0;
  for (var oy = oy0; oy < oy1; oy++) {
    for (var ox = ox0; ox < ox1; ox++) {
      let at = ((n * params.OH + oy) * params.OW + ox) * params.C + c;
      if (index[at] == place) { sum += dy[at]; }
    }
  }
  dx[pixel * params.C + c] = sum;
}
