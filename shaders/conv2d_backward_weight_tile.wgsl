// Gradient of a convolution of any kind for its weight: x [N, H, W, G·CG], dy [N, OH, OW, G·OG] → dw [splits, KH·KW·CG, G·OG], as an implicit
// matrix product in workgroup memory over the pixels, which are cut into splits and summed afterwards in a fixed order.
// A workgroup makes 64 rows (tap and channel) × 64 output channels of a group, an invocation 4×4 of it.
// Dispatched over [ceil(OG / 64), ceil(KH·KW·CG / 64), G·splits].
// @variant T = f32, f16
// @include lib/conv.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
var<workgroup> x_tile: array<array<f32, 65>, 16>;
var<workgroup> dy_tile: array<array<f32, 65>, 16>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let ty = lid / 16u;
  let tx = lid % 16u;
  let C = params.G * params.CG;
  let CO = params.G * params.OG;
  let rows = params.KH * params.KW * params.CG;
  let group = wid.z / params.splits;
  let split = wid.z % params.splits;
  let pixels = params.N * u32(params.OH * params.OW);
  let end = min((split + 1u) * params.k_per_split, pixels);
  // This invocation loads one row of the tile, tap and channel, for four pixels a slice.
  let row = wid.y * 64u + lid % 64u;
  let tap = row / params.CG;
  let down = i32(tap / params.KW) * params.DH - params.PH;
  let right = i32(tap % params.KW) * params.DW - params.PW;
  let channel = group * params.CG + row % params.CG;
  let o = wid.x * 64u + lid % 64u;
  var acc: array<vec4<f32>, 4>;
  for (var p0 = split * params.k_per_split; p0 < end; p0 += 16u) {
    @unroll for (var i = 0u; i < 4u; i++) {
      let slot = lid / 64u + 4u * i;
      let p = p0 + slot;
      let pixel = i32(p);
      let iy = pixel / params.OW % params.OH * params.SH + down;
      let ix = pixel % params.OW * params.SW + right;
      let image = pixel / (params.OW * params.OH) * params.H;
      let ok = p < end && row < rows && iy >= 0 && iy < params.H && ix >= 0 && ix < params.W;
      x_tile[slot][lid % 64u] = select(0.0, f32(x[select(0u, u32((image + iy) * params.W + ix) * C + channel, ok)]), ok);
      let dy_ok = p < end && o < params.OG;
      dy_tile[slot][lid % 64u] = select(0.0, f32(dy[select(0u, p * CO + group * params.OG + o, dy_ok)]), dy_ok);
    }
    workgroupBarrier();
    @unroll for (var j = 0u; j < 16u; j++) {
      let q = vec4<f32>(dy_tile[j][tx], dy_tile[j][tx + 16u], dy_tile[j][tx + 32u], dy_tile[j][tx + 48u]);
      @unroll for (var i = 0u; i < 4u; i++) { acc[i] += x_tile[j][ty * 4u + i] * q; }
    }
    workgroupBarrier();
  }
  @unroll for (var i = 0u; i < 4u; i++) {
    let r = wid.y * 64u + ty * 4u + i;
    @unroll for (var j = 0u; j < 4u; j++) {
      let n = wid.x * 64u + tx + 16u * j;
      if (r < rows && n < params.OG) { dw[(split * rows + r) * CO + group * params.OG + n] = acc[i][j]; }
    }
  }
}
