// Gradient of a convolution for its input, as an implicit matrix product: dy [N, OH, OW, CO], w [KH·KW, C, CO] → dx [N,
// H, W, C]. One subgroup a workgroup (software adapters); C and CO multiples of 4, one group. With a stride, the pixels
// of dx fall into SH·SW phases (y mod SH, x mod SW); each phase meets only some taps, so no work is done on holes. Rows
// are the pixels of one phase, q → q·S + phase. A lane owns 4 channels of TM pixels, as in conv2d_forward_cpu.wgsl; the
// weights of a channel lie along CO, so a lane loads a 4×4 block and turns it, which costs nothing, as components are
// registers. Dispatched over [ceil(C / 4·SG), ceil(pixels / TM), SH·SW].
// @tile 4 * SG, TM
// @variant SG TM T = 4 8 f32, 4 16 f32, 8 8 f32, 8 16 f32, 8 32 f32, 4 8 f16, 4 16 f16, 8 8 f16, 8 16 f16, 8 32 f16
// @require subgroups
struct Params {
  H: i32, W: i32, C4: u32, OH: i32, OW: i32, CO4: u32, QH: u32, QW: u32, pixels: u32, KH: i32, KW: i32,
  SH: i32, SW: i32, PH: i32, PW: i32, DH: i32, DW: i32,
}
@group(0) @binding(0) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<T>>;
@group(0) @binding(3) var<uniform> params: Params;
const RT = (TM + SG - 1u) / SG;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let row = wid.y * TM;
  let column = wid.x * SG + lane;
  let col = min(column, params.C4 - 1u);
  let phase_y = i32(wid.z) / params.SW;
  let phase_x = i32(wid.z) % params.SW;
  var qy: array<i32, RT>;
  var qx: array<i32, RT>;
  var image: array<i32, RT>;
  @unroll for (var t = 0u; t < RT; t++) {
    let pixel = min(row + t * SG + lane, params.pixels - 1u);
    let line = pixel / params.QW;
    qx[t] = i32(pixel - line * params.QW);
    image[t] = i32(line / params.QH);
    qy[t] = i32(line - u32(image[t]) * params.QH);
    image[t] *= params.OH * params.OW;
  }
  var acc: array<vec4<f32>, TM>;
  for (var tap = 0; tap < params.KH * params.KW; tap++) {
    // oy = (iy + PH - ky·DH) / SH must be whole, and so must ox.
    let sy = phase_y + params.PH - tap / params.KW * params.DH;
    let sx = phase_x + params.PW - tap % params.KW * params.DW;
    let by = sy / params.SH;
    let bx = sx / params.SW;
    if (by * params.SH != sy || bx * params.SW != sx) { continue; }
    var base: array<u32, RT>;
    var inside: array<f32, RT>;
    @unroll for (var t = 0u; t < RT; t++) {
      let oy = qy[t] + by;
      let ox = qx[t] + bx;
      let ok = oy >= 0 && oy < params.OH && ox >= 0 && ox < params.OW;
      base[t] = select(0u, u32(image[t] + oy * params.OW + ox) * params.CO4, ok);
      inside[t] = select(0.0, 1.0, ok);
    }
    var at = (u32(tap) * params.C4 + col) * 4u * params.CO4;
    for (var c = 0u; c < params.CO4; c++) {
      var r: array<vec4<f32>, RT>;
      @unroll for (var t = 0u; t < RT; t++) {
        r[t] = select(vec4<f32>(0.0), vec4<f32>(dy[base[t] + c]), inside[t] > 0.0);
      }
      let block = transpose(mat4x4<f32>(
        vec4<f32>(w[at]), vec4<f32>(w[at + params.CO4]),
        vec4<f32>(w[at + 2u * params.CO4]), vec4<f32>(w[at + 3u * params.CO4])));
      at += 1u;
      @unroll for (var i = 0u; i < TM; i++) {
        let v = subgroupBroadcast(r[i / SG], i % SG);
        acc[i] += v.x * block[0] + v.y * block[1] + v.z * block[2] + v.w * block[3];
      }
    }
  }
  if (column >= params.C4) { return; }
  // Pixel by pixel, each picked out of the registers: one store in the code instead of TM compiles several times
  // faster.
  for (var i = 0u; i < min(TM, params.pixels - row); i++) {
    var v = acc[0];
    @unroll for (var j = 1u; j < TM; j++) { v = select(v, acc[j], i == j); }
    let pixel = row + i;
    let line = pixel / params.QW;
    let n = line / params.QH;
    let iy = i32(line - n * params.QH) * params.SH + phase_y;
    let ix = i32(pixel - line * params.QW) * params.SW + phase_x;
    if (iy < params.H && ix < params.W) {
      dx[u32((i32(n) * params.H + iy) * params.W + ix) * params.C4 + col] = vec4<T>(v);
    }
  }
}
