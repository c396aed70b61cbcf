// Convolution as conv2d_forward_cpu.wgsl, for images with few or odd channels (RGB): x [N, H, W, C] and w [KH, KW·C,
// CO] as they are, y [N, OH, OW, CO]. What a window meets of one line of an image is one run of R = KW·C floats, so K
// runs along it in fours, and only the end of a run is wasted. Needs DW = 1, one group, CO a multiple of 4. Dispatched
// over [ceil(CO / 4·SG), ceil(pixels / TM)].
// @tile 4 * SG, TM
// @variant SG TM T = 4 16 f32, 8 16 f32, 8 32 f32, 4 16 f16, 8 16 f16, 8 32 f16
// @require subgroups
// @include lib/four.wgsl
// @include lib/epilogue.wgsl
struct Params {
  H: i32, WC: i32, C: i32, OH: u32, OW: u32, CO4: u32, pixels: u32, KH: i32, R: u32, SH: i32, SW: i32, PH: i32, PW: i32,
  DH: i32,
}
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scale: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<T>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(6) var<uniform> params: Params;
const RT = TM / SG;

@compute @workgroup_size(SG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let row = wid.y * TM;
  let column = wid.x * SG + lane;
  let col = min(column, params.CO4 - 1u);
  // Of this lane's pixels: the first line of the window and of the image, where the run starts in a line, and where it
  // ends inside the line.
  var top: array<i32, RT>;
  var image: array<i32, RT>;
  var start: array<i32, RT>;
  var stop: array<i32, RT>;
  @unroll for (var t = 0u; t < RT; t++) {
    let pixel = min(row + t * SG + lane, params.pixels - 1u);
    let line = pixel / params.OW;
    let n = line / params.OH;
    top[t] = i32(line - n * params.OH) * params.SH - params.PH;
    image[t] = i32(n) * params.H;
    start[t] = (i32(pixel - line * params.OW) * params.SW - params.PW) * params.C;
    stop[t] = max(0, min(params.WC, start[t] + i32(params.R)));
  }
  var acc: array<vec4<f32>, TM>;
  for (var ky = 0; ky < params.KH; ky++) {
    var base: array<i32, RT>;
    var end: array<i32, RT>;
    @unroll for (var t = 0u; t < RT; t++) {
      let iy = top[t] + ky * params.DH;
      base[t] = (image[t] + iy) * params.WC;
      end[t] = select(0, stop[t], iy >= 0 && iy < params.H);
    }
    for (var k = 0u; k < params.R; k += 4u) {
      var r: array<vec4<f32>, RT>;
      @unroll for (var t = 0u; t < RT; t++) {
        @unroll for (var e = 0u; e < 4; e++) {
          let at = start[t] + i32(k + e);
          let ok = at >= 0 && at < end[t];
          r[t][e] = select(0.0, f32(x[select(0, base[t] + at, ok)]), ok);
        }
      }
      // Past the end of a run x is 0, so any weight will do.
      let first = u32(ky) * params.R;
      let w0 = vec4<f32>(w[(first + k) * params.CO4 + col]);
      let w1 = vec4<f32>(w[(first + min(k + 1u, params.R - 1u)) * params.CO4 + col]);
      let w2 = vec4<f32>(w[(first + min(k + 2u, params.R - 1u)) * params.CO4 + col]);
      let w3 = vec4<f32>(w[(first + min(k + 3u, params.R - 1u)) * params.CO4 + col]);
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
