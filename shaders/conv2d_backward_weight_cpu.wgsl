// Gradient of a convolution for its weight: x [N, H, W, C], dy [N, OH, OW, CO] → dw [splits, KH·KW·C, CO]. One subgroup
// a workgroup (software adapters); C and CO multiples of 4, one group. An outer product a pixel: lane l holds 4
// channels of x at the place where its tap meets the pixel (rows of dw are flattened over tap and channel, so lanes may
// have different taps) and 4 channels of dy; every lane adds to 4·SG rows of its 4 columns. The N·OH lines of pixels
// are cut into splits, summed afterwards in a fixed order. Dispatched over [ceil(KH·KW·C / 4·SG), ceil(CO / 4·SG),
// splits].
// @tile 4 * SG, 4 * SG
// @variant T = f32, f16
// @variant SG = 4, 8
// @require subgroups
struct Params {
  H: i32, W: i32, C4: u32, OH: u32, OW: u32, CO4: u32, rows4: u32, KW: u32,
  SH: i32, SW: i32, PH: i32, PW: i32, DH: i32, DW: i32, lines: u32, lines_per_split: u32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;
const UP = 2u;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let row = min(wid.x * SG + lane, params.rows4 - 1u);
  let tap = row / params.C4;
  let c = row - tap * params.C4;
  let down = i32(tap / params.KW) * params.DH - params.PH;
  let right = i32(tap % params.KW) * params.DW - params.PW;
  let column = wid.y * SG + lane;
  let col = min(column, params.CO4 - 1u);
  var acc: array<vec4<f32>, 4 * SG>;
  let end = min((wid.z + 1u) * params.lines_per_split, params.lines);
  for (var line = wid.z * params.lines_per_split; line < end; line++) {
    let n = line / params.OH;
    let iy = i32(line - n * params.OH) * params.SH + down;
    let line_ok = iy >= 0 && iy < params.H;
    let image = (i32(n) * params.H + iy) * params.W;
    for (var ox = 0u; ox < params.OW; ox += UP) {
      var p: array<vec4<f32>, UP>;
      var q: array<vec4<f32>, UP>;
      @unroll for (var u = 0u; u < UP; u++) {
        let ix = i32(ox + u) * params.SW + right;
        let ok = line_ok && ix >= 0 && ix < params.W && ox + u < params.OW;
        p[u] = select(vec4<f32>(0.0), vec4<f32>(x[select(0u, u32(image + ix) * params.C4 + c, ok)]), ok);
        q[u] = vec4<f32>(dy[(line * params.OW + min(ox + u, params.OW - 1u)) * params.CO4 + col]);
      }
      @unroll for (var l = 0u; l < SG; l++) {
        @unroll for (var u = 0u; u < UP; u++) {
          let v = subgroupBroadcast(p[u], l);
          acc[4u * l] += v.x * q[u];
          acc[4u * l + 1u] += v.y * q[u];
          acc[4u * l + 2u] += v.z * q[u];
          acc[4u * l + 3u] += v.w * q[u];
        }
      }
    }
  }
  if (column >= params.CO4) { return; }
  let first = wid.x * SG * 4u;
  let plane = wid.z * params.rows4 * 4u;
  // Row by row, each picked out of the registers: one store in the code compiles several times faster.
  for (var i = 0u; i < min(4 * SG, params.rows4 * 4u - first); i++) {
    var v = acc[0];
    @unroll for (var j = 1u; j < 4 * SG; j++) { v = select(v, acc[j], i == j); }
    dw[(plane + first + i) * params.CO4 + col] = v;
  }
}
