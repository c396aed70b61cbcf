// Gradient of a convolution of any kind for its weight: x [N, H, W, G·CG], dy [N, OH, OW, G·OG] → dw [splits, KH·KW·CG, G·OG], as an implicit
// matrix product in workgroup memory over the pixels, which are cut into splits and summed afterwards in a fixed order.
// A workgroup makes 16·R rows (tap and channel) × 16·R output channels of a group, an invocation R×R of it.
// Dispatched over [ceil(OG / 16·R), ceil(KH·KW·CG / 16·R), G·splits].
// @variant T = f32, f16
// @variant R = 2, 4, 8
// @include lib/conv.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
const TILE = 16u * R;
const STEP = 64u / R; // so that a slice of a tile is four loads for each of 256 invocations
const PITCH = TILE + 1u;
var<workgroup> x_tile: array<array<f32, PITCH>, STEP>;
var<workgroup> dy_tile: array<array<f32, PITCH>, STEP>;

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
  let row = wid.y * TILE + lid % TILE;
  let tap = row / params.CG;
  let down = i32(tap / params.KW) * params.DH - params.PH;
  let right = i32(tap % params.KW) * params.DW - params.PW;
  let channel = group * params.CG + row % params.CG;
  let o = wid.x * TILE + lid % TILE;
  var acc: array<f32, R * R>;
  for (var p0 = split * params.k_per_split; p0 < end; p0 += STEP) {
    @unroll for (var i = 0u; i < 4u; i++) {
      let slot = lid / TILE + 256u / TILE * i;
      let p = p0 + slot;
      let pixel = i32(p);
      let iy = pixel / params.OW % params.OH * params.SH + down;
      let ix = pixel % params.OW * params.SW + right;
      let image = pixel / (params.OW * params.OH) * params.H;
      let ok = p < end && row < rows && iy >= 0 && iy < params.H && ix >= 0 && ix < params.W;
      x_tile[slot][lid % TILE] = select(0.0, f32(x[select(0u, u32((image + iy) * params.W + ix) * C + channel, ok)]), ok);
      let dy_ok = p < end && o < params.OG;
      dy_tile[slot][lid % TILE] = select(0.0, f32(dy[select(0u, p * CO + group * params.OG + o, dy_ok)]), dy_ok);
    }
    workgroupBarrier();
    for (var j = 0u; j < STEP; j++) {
      var q: array<f32, R>;
      @unroll for (var n = 0u; n < R; n++) { q[n] = dy_tile[j][tx + 16u * n]; }
      @unroll for (var m = 0u; m < R; m++) {
        let p = x_tile[j][ty * R + m];
        @unroll for (var n = 0u; n < R; n++) { acc[m * R + n] += p * q[n]; }
      }
    }
    workgroupBarrier();
  }
  @unroll for (var m = 0u; m < R; m++) {
    let r = wid.y * TILE + ty * R + m;
    @unroll for (var n = 0u; n < R; n++) {
      let column = wid.x * TILE + tx + 16u * n;
      if (r < rows && column < params.OG) { dw[(split * rows + r) * CO + group * params.OG + column] = acc[m * R + n]; }
    }
  }
}
