// Convolution as an implicit matrix product: x [N, H, W, C], w [KH·KW·C, CO] → y [N, OH, OW, CO], then
// lib/epilogue.wgsl; rows are the N·OH·OW output pixels, K runs over taps and channels. One subgroup a workgroup
// (software adapters); C and CO multiples of 4, one group. A lane owns 4 output channels of TM pixels. For each tap a
// lane finds the place of TM/SG pixels once (outside the image: zero), then walks along the channels: one vec4 of x,
// four of w, and x travels by subgroupBroadcast. Dispatched over [ceil(CO / 4·SG), ceil(pixels / TM)].
// @tile 4 * SG, TM
// @variant SG TM T = 4 8 f32, 4 16 f32, 8 8 f32, 8 16 f32, 8 32 f32, 4 8 f16, 4 16 f16, 8 8 f16, 8 16 f16, 8 32 f16
// @require subgroups
// @include lib/four.wgsl
// @include lib/epilogue.wgsl
struct Params {
  H: i32, W: i32, C4: u32, OH: u32, OW: u32, CO4: u32, pixels: u32, KH: i32, KW: i32,
  SH: i32, SW: i32, PH: i32, PW: i32, DH: i32, DW: i32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scale: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<T>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(6) var<uniform> params: Params;
const RT = (TM + SG - 1u) / SG;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let row = wid.y * TM;
  let column = wid.x * SG + lane;
  let col = min(column, params.CO4 - 1u);
  // Top left corner of the window of this lane's pixels, and the image's first pixel.
  var top: array<i32, RT>;
  var left: array<i32, RT>;
  var image: array<i32, RT>;
  @unroll for (var t = 0u; t < RT; t++) {
    let pixel = min(row + t * SG + lane, params.pixels - 1u);
    let line = pixel / params.OW;
    left[t] = i32(pixel - line * params.OW) * params.SW - params.PW;
    image[t] = i32(line / params.OH);
    top[t] = i32(line - u32(image[t]) * params.OH) * params.SH - params.PH;
    image[t] *= params.H * params.W;
  }
  var acc: array<vec4<f32>, TM>;
  var at = col;
  for (var tap = 0; tap < params.KH * params.KW; tap++) {
    let down = tap / params.KW * params.DH;
    let right = tap % params.KW * params.DW;
    var base: array<u32, RT>;
    var inside: array<f32, RT>;
    @unroll for (var t = 0u; t < RT; t++) {
      let iy = top[t] + down;
      let ix = left[t] + right;
      let ok = iy >= 0 && iy < params.H && ix >= 0 && ix < params.W;
      base[t] = select(0u, u32(image[t] + iy * params.W + ix) * params.C4, ok);
      inside[t] = select(0.0, 1.0, ok);
    }
    for (var c = 0u; c < params.C4; c++) {
      var r: array<vec4<f32>, RT>;
      @unroll for (var t = 0u; t < RT; t++) {
        r[t] = select(vec4<f32>(0.0), vec4<f32>(x[base[t] + c]), inside[t] > 0.0);
      }
      let w0 = vec4<f32>(w[at]);
      let w1 = vec4<f32>(w[at + params.CO4]);
      let w2 = vec4<f32>(w[at + 2u * params.CO4]);
      let w3 = vec4<f32>(w[at + 3u * params.CO4]);
      at += 4u * params.CO4;
      @unroll for (var i = 0u; i < TM; i++) {
        let v = subgroupBroadcast(r[i / SG], i % SG);
        acc[i] += v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;
      }
    }
  }
  if (column >= params.CO4) { return; }
  let factor = scale_of(col);
  let shift = bias_of(col);
  // Pixel by pixel, each picked out of the registers: one store in the code instead of TM compiles several times
  // faster.
  for (var i = 0u; i < min(TM, params.pixels - row); i++) {
    var v = acc[0];
    @unroll for (var j = 1u; j < TM; j++) { v = select(v, acc[j], i == j); }
    let to = (row + i) * params.CO4 + col;
    y[to] = finished(v, factor, shift, to);
  }
}
