// Convolution of any shape, stride, dilation and grouping, as an implicit matrix product in workgroup memory: x [N, H, W, G·CG],
// w [KH·KW·CG, G·OG] → y [N, OH, OW, G·OG]; the epilogue as in conv2d_forward_sg.wgsl. A workgroup makes 16·R pixels × 16·R output channels of
// one group from slices of K = KH·KW·CG, an invocation R×R of it. Dispatched over [ceil(OG / 16·R), ceil(N·OH·OW / 16·R), G].
// @variant T = f32, f16
// @variant R = 2, 4, 8
// @include lib/conv.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<T>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;
@group(0) @binding(6) var<uniform> params: Params;
override ADD: bool = false; // whether there is a residual: its loads are left out otherwise
const TILE = 16u * R;
const STEP = 64u / R; // so that a slice of a tile is four loads for each of 256 invocations
const PITCH = TILE + 1u;
var<workgroup> x_tile: array<array<f32, PITCH>, STEP>;
var<workgroup> w_tile: array<array<f32, PITCH>, STEP>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let ty = lid / 16u;
  let tx = lid % 16u;
  let pixels = params.N * u32(params.OH * params.OW);
  let K = params.KH * params.KW * params.CG;
  let C = params.G * params.CG;
  let CO = params.G * params.OG;
  let group = wid.z;
  // This invocation loads one column of the slice for four pixels: where their windows begin.
  let slot = lid % STEP;
  let first = lid / STEP;
  var top: array<i32, 4>;
  var left: array<i32, 4>;
  var image: array<i32, 4>;
  @unroll for (var i = 0u; i < 4u; i++) {
    let pixel = min(wid.y * TILE + first + 256u / STEP * i, pixels - 1u);
    left[i] = i32(pixel) % params.OW * params.SW - params.PW;
    top[i] = i32(pixel) / params.OW % params.OH * params.SH - params.PH;
    image[i] = i32(pixel) / (params.OW * params.OH) * params.H;
  }
  var acc: array<f32, R * R>;
  for (var k0 = 0u; k0 < K; k0 += STEP) {
    let k = k0 + slot;
    let tap = k / params.CG;
    let c = k % params.CG;
    let dy = i32(tap / params.KW) * params.DH;
    let dx = i32(tap % params.KW) * params.DW;
    @unroll for (var i = 0u; i < 4u; i++) {
      let iy = top[i] + dy;
      let ix = left[i] + dx;
      let ok = k < K && iy >= 0 && iy < params.H && ix >= 0 && ix < params.W;
      let at = u32((image[i] + iy) * params.W + ix) * C + group * params.CG + c;
      x_tile[slot][first + 256u / STEP * i] = select(0.0, f32(x[select(0u, at, ok)]), ok);
      let row = lid / TILE + 256u / TILE * i;
      let kw = k0 + row;
      let n = wid.x * TILE + lid % TILE;
      let w_ok = kw < K && n < params.OG;
      w_tile[row][lid % TILE] = select(0.0, f32(w[select(0u, kw * CO + group * params.OG + n, w_ok)]), w_ok);
    }
    workgroupBarrier();
    for (var j = 0u; j < STEP; j++) {
      var q: array<f32, R>;
      @unroll for (var n = 0u; n < R; n++) { q[n] = w_tile[j][tx + 16u * n]; }
      @unroll for (var m = 0u; m < R; m++) {
        let p = x_tile[j][ty * R + m];
        @unroll for (var n = 0u; n < R; n++) { acc[m * R + n] += p * q[n]; }
      }
    }
    workgroupBarrier();
  }
  var factor: array<f32, R>;
  var shift: array<f32, R>;
  @unroll for (var n = 0u; n < R; n++) {
    let o = group * params.OG + min(wid.x * TILE + tx + 16u * n, params.OG - 1u);
    factor[n] = 1.0;
    if (params.has_scale != 0u) { factor[n] = scale[o]; }
    if (params.has_bias != 0u) { shift[n] = bias[o]; }
  }
  @unroll for (var m = 0u; m < R; m++) {
    let pixel = wid.y * TILE + ty * R + m;
    @unroll for (var n = 0u; n < R; n++) {
      let column = wid.x * TILE + tx + 16u * n;
      if (pixel < pixels && column < params.OG) {
        let to = pixel * CO + group * params.OG + column;
        var v = acc[m * R + n] * factor[n] + shift[n];
        if (ADD) { v += f32(residual[to]); }
        y[to] = T(select(v, 0.0, params.relu != 0u && v < 0.0));
      }
    }
  }
}
