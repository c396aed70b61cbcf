// dx [N, H, W, C] = Σ dy [N, OH, OW, C] over the windows whose maximum (index [N, OH, OW, C], place iy·W + ix) is this
// element: a gather, so the order of the sum is fixed. All as vec4 of channels: C4 = C / 4. One invocation four
// channels of a pixel; dispatched over [ceil(W · C4 / 64), rows], the N·H rows folded into y and z.
// @each 4
// @variant T = f32, f16
struct Params {
  H: u32, W: u32, C4: u32, OH: u32, OW: u32, rows: u32, KH: u32, KW: u32, SH: u32, SW: u32, PH: u32, PW: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> index: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<T>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let item = wid.x * 64u + lid;
  let row = wid.z * nwg.y + wid.y;
  if (item >= params.W * params.C4 || row >= params.rows) { return; }
  let ix = item / params.C4;
  let n = row / params.H;
  let iy = row - n * params.H;
  // Windows oy with oy·S - P <= iy < oy·S - P + K.
  let oy0 = select(0u, (iy + params.PH - params.KH) / params.SH + 1u, iy + params.PH >= params.KH);
  let ox0 = select(0u, (ix + params.PW - params.KW) / params.SW + 1u, ix + params.PW >= params.KW);
  let oy1 = min((iy + params.PH) / params.SH + 1u, params.OH);
  let ox1 = min((ix + params.PW) / params.SW + 1u, params.OW);
  let place = vec4<u32>(iy * params.W + ix);
  let base = n * params.OH * params.OW * params.C4 + item - ix * params.C4;
  var sum = vec4<f32>(0.0);
  for (var oy = oy0; oy < oy1; oy++) {
    for (var ox = ox0; ox < ox1; ox++) {
      let at = base + (oy * params.OW + ox) * params.C4;
      sum += select(vec4<f32>(0.0), vec4<f32>(dy[at]), index[at] == place);
    }
  }
  dx[row * params.W * params.C4 + item] = vec4<T>(sum);
}
