// The convolution of conv2d_forward_tile.wgsl by matrix units: pixels are the rows of the left matrix, taps and
// channels its columns. Dispatched over [ceil(OG / 64), ceil(N·OH·OW / 64), G].
// @tile TILE, TILE
// @variant S T = 16 f16, 8 f32
// @require subgroups
// @require chromium-experimental-subgroup-matrix
// @include lib/conv.wgsl
// @include lib/matrix.wgsl
// @include lib/one.wgsl
// @include lib/epilogue.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<T>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;
@group(0) @binding(6) var<uniform> params: Params;
// where each pixel's window begins: line, column, and the first line of its image
var<workgroup> windows: array<vec3<i32>, TILE>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let pixels = params.N * u32(params.OH * params.OW);
  let K = params.KH * params.KW * params.CG;
  let C = params.G * params.CG;
  let CO = params.G * params.OG;
  let group = wid.z;
  if (lid < TILE) {
    let pixel = i32(min(wid.y * TILE + lid, pixels - 1u));
    windows[lid] = vec3<i32>(
      pixel / params.OW % params.OH * params.SH - params.PH, pixel % params.OW * params.SW - params.PW,
      pixel / (params.OW * params.OH) * params.H);
  }
  workgroupBarrier();
  var sums: Sums;
  for (var k0 = 0u; k0 < K; k0 += STEP) {
    let k = k0 + lid % STEP;
    let tap = k / params.CG;
    let channel = group * params.CG + k % params.CG;
    let down = i32(tap / params.KW) * params.DH;
    let right_by = i32(tap % params.KW) * params.DW;
    for (var m = lid / STEP; m < TILE; m += THREADS / STEP) {
      let iy = windows[m].x + down;
      let ix = windows[m].y + right_by;
      let ok = k < K && iy >= 0 && iy < params.H && ix >= 0 && ix < params.W;
      let at = u32((windows[m].z + iy) * params.W + ix) * C + channel;
      left[m * LEFT_PITCH + lid % STEP] = select(T(0.0), x[select(0u, at, ok)], ok);
    }
    let o = wid.x * TILE + lid % TILE;
    for (var row = lid / TILE; row < STEP; row += THREADS / TILE) {
      let ok = k0 + row < K && o < params.OG;
      right[row * RIGHT_PITCH + lid % TILE] =
        select(T(0.0), w[select(0u, (k0 + row) * CO + group * params.OG + o, ok)], ok);
    }
    workgroupBarrier();
    multiply(&sums, subgroup);
    workgroupBarrier();
  }
  store_all(&sums, wid, subgroup, lane);
}

fn store(wid: vec3<u32>, pixel: u32, column: u32, sum: f32) {
  if (pixel < params.N * u32(params.OH * params.OW) && column < params.OG) {
    let o = wid.z * params.OG + column;
    let to = pixel * params.G * params.OG + o;
    y[to] = finished(sum, scale_of(o), bias_of(o), to);
  }
}
