// Convolution of any shape, stride, dilation and grouping, as an implicit matrix product in workgroup memory: x [N, H, W, G·CG],
// w [KH·KW·CG, G·OG] → y [N, OH, OW, G·OG]; the epilogue as in conv2d_forward_sg.wgsl. A workgroup makes 64 pixels × 64 output channels of one group from 16-wide slices of
// K = KH·KW·CG, an invocation 4×4 of it. Dispatched over [ceil(OG / 64), ceil(N·OH·OW / 64), G].
// @include lib/conv.wgsl
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;
var<workgroup> x_tile: array<array<f32, 65>, 16>;
var<workgroup> w_tile: array<array<f32, 65>, 16>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let ty = lid / 16u;
  let tx = lid % 16u;
  let pixels = params.N * u32(params.OH * params.OW);
  let K = params.KH * params.KW * params.CG;
  let C = params.G * params.CG;
  let CO = params.G * params.OG;
  let group = wid.z;
  // This invocation loads column tx of the slice for four pixels: where their windows begin.
  var top: array<i32, 4>;
  var left: array<i32, 4>;
  var image: array<i32, 4>;
  @unroll for (var i = 0u; i < 4u; i++) {
    let pixel = min(wid.y * 64u + ty + 16u * i, pixels - 1u);
    left[i] = i32(pixel) % params.OW * params.SW - params.PW;
    top[i] = i32(pixel) / params.OW % params.OH * params.SH - params.PH;
    image[i] = i32(pixel) / (params.OW * params.OH) * params.H;
  }
  var acc: array<vec4<f32>, 4>;
  for (var k0 = 0u; k0 < K; k0 += 16u) {
    let k = k0 + tx;
    let tap = k / params.CG;
    let c = k % params.CG;
    let dy = i32(tap / params.KW) * params.DH;
    let dx = i32(tap % params.KW) * params.DW;
    @unroll for (var i = 0u; i < 4u; i++) {
      let iy = top[i] + dy;
      let ix = left[i] + dx;
      let ok = k < K && iy >= 0 && iy < params.H && ix >= 0 && ix < params.W;
      let at = u32((image[i] + iy) * params.W + ix) * C + group * params.CG + c;
      x_tile[tx][ty + 16u * i] = select(0.0, x[select(0u, at, ok)], ok);
      let kw = k0 + lid / 64u + 4u * i;
      let n = wid.x * 64u + lid % 64u;
      let w_ok = kw < K && n < params.OG;
      w_tile[lid / 64u + 4u * i][lid % 64u] = select(0.0, w[select(0u, kw * CO + group * params.OG + n, w_ok)], w_ok);
    }
    workgroupBarrier();
    @unroll for (var j = 0u; j < 16u; j++) {
      let q = vec4<f32>(w_tile[j][tx], w_tile[j][tx + 16u], w_tile[j][tx + 32u], w_tile[j][tx + 48u]);
      @unroll for (var i = 0u; i < 4u; i++) { acc[i] += x_tile[j][ty * 4u + i] * q; }
    }
    workgroupBarrier();
  }
  @unroll for (var i = 0u; i < 4u; i++) {
    let pixel = wid.y * 64u + ty * 4u + i;
    @unroll for (var j = 0u; j < 4u; j++) {
      let n = wid.x * 64u + tx + 16u * j;
      if (pixel < pixels && n < params.OG) {
        let o = group * params.OG + n;
        var v = acc[i][j];
        if (params.has_scale != 0u) { v *= scale[o]; }
        if (params.has_bias != 0u) { v += bias[o]; }
        if (params.add != 0u) { v += residual[pixel * CO + o]; }
        y[pixel * CO + o] = select(v, 0.0, params.relu != 0u && v < 0.0);
      }
    }
  }
}
