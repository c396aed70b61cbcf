// Gradient of a convolution of any kind for its input: dy [N, OH, OW, G·OG], w [KH·KW·CG, G·OG] → dx [N, H, W, G·CG], as an implicit matrix
// product in workgroup memory, tap by tap. Pixels are taken phase by phase (y mod SH, x mod SW), as each phase meets only some taps.
// A workgroup makes 16·R pixels of a phase × 16·R channels of a group, an invocation R×R of it.
// Dispatched over [ceil(CG / 16·R), ceil(N·ceil(H/SH)·ceil(W/SW) / 16·R), G·SH·SW].
// @variant T = f32, f16
// @variant R = 2, 4, 8
// @include lib/conv.wgsl
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read_write> dx: array<T>;
@group(0) @binding(3) var<uniform> params: Params;
const TILE = 16u * R;
const STEP = 64u / R; // so that a slice of a tile is four loads for each of 256 invocations
const PITCH = TILE + 1u;
var<workgroup> dy_tile: array<array<f32, PITCH>, STEP>;
var<workgroup> w_tile: array<array<f32, PITCH>, STEP>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let ty = lid / 16u;
  let tx = lid % 16u;
  let CO = params.G * params.OG;
  let group = wid.z / u32(params.SH * params.SW);
  let phase = i32(wid.z) % (params.SH * params.SW);
  let phase_y = phase / params.SW;
  let phase_x = phase % params.SW;
  let QH = (params.H + params.SH - 1) / params.SH;
  let QW = (params.W + params.SW - 1) / params.SW;
  let pixels = i32(params.N) * QH * QW;
  // This invocation loads one column of a slice for four pixels and four channels.
  let slot = lid % STEP;
  let first = lid / STEP;
  var qy: array<i32, 4>;
  var qx: array<i32, 4>;
  var image: array<i32, 4>;
  @unroll for (var i = 0u; i < 4u; i++) {
    let pixel = min(i32(wid.y * TILE + first + 256u / STEP * i), pixels - 1);
    qx[i] = pixel % QW;
    qy[i] = pixel / QW % QH;
    image[i] = pixel / (QW * QH) * params.OH;
  }
  var acc: array<f32, R * R>;
  for (var tap = 0u; tap < params.KH * params.KW; tap++) {
    // oy = (iy + PH - ky·DH) / SH must be whole.
    let sy = phase_y + params.PH - i32(tap / params.KW) * params.DH;
    let sx = phase_x + params.PW - i32(tap % params.KW) * params.DW;
    let by = sy / params.SH;
    let bx = sx / params.SW;
    if (by * params.SH != sy || bx * params.SW != sx) { continue; }
    for (var k0 = 0u; k0 < params.OG; k0 += STEP) {
      let k = k0 + slot;
      @unroll for (var i = 0u; i < 4u; i++) {
        let oy = qy[i] + by;
        let ox = qx[i] + bx;
        let ok = k < params.OG && oy >= 0 && oy < params.OH && ox >= 0 && ox < params.OW;
        let at = u32((image[i] + oy) * params.OW + ox) * CO + group * params.OG + k;
        dy_tile[slot][first + 256u / STEP * i] = select(0.0, f32(dy[select(0u, at, ok)]), ok);
        let c = wid.x * TILE + first + 256u / STEP * i;
        let w_ok = k < params.OG && c < params.CG;
        w_tile[slot][first + 256u / STEP * i] = select(0.0, f32(w[select(0u, (tap * params.CG + c) * CO + group * params.OG + k, w_ok)]), w_ok);
      }
      workgroupBarrier();
      for (var j = 0u; j < STEP; j++) {
        var q: array<f32, R>;
        @unroll for (var n = 0u; n < R; n++) { q[n] = w_tile[j][tx + 16u * n]; }
        @unroll for (var m = 0u; m < R; m++) {
          let p = dy_tile[j][ty * R + m];
          @unroll for (var n = 0u; n < R; n++) { acc[m * R + n] += p * q[n]; }
        }
      }
      workgroupBarrier();
    }
  }
  @unroll for (var m = 0u; m < R; m++) {
    let pixel = i32(wid.y * TILE + ty * R + m);
    let ix = pixel % QW * params.SW + phase_x;
    let iy = pixel / QW % QH * params.SH + phase_y;
    let n = pixel / (QW * QH);
    @unroll for (var j = 0u; j < R; j++) {
      let c = wid.x * TILE + tx + 16u * j;
      if (pixel < pixels && iy < params.H && ix < params.W && c < params.CG) {
        dx[u32((n * params.H + iy) * params.W + ix) * params.G * params.CG + group * params.CG + c] = T(acc[m * R + j]);
      }
    }
  }
}
