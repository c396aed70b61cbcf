// Convolution of any shape, stride, dilation and grouping, as an implicit matrix product in workgroup memory: x [N, H,
// W, G·CG], w [KH·KW·CG, G·OG] → y [N, OH, OW, G·OG]; then lib/epilogue.wgsl, or without it lib/columns.wgsl. Tiles of
// lib/tile.wgsl: pixels are the rows of the left matrix, taps and channels its columns. Dispatched over [ceil(OG /
// TILE), ceil(N·OH·OW / TILE), G].
// @tile TILE, TILE
// @variant T = f32, f16
// @variant G R STEP = 8 1 16, 16 1 16, 8 2 16
// @include lib/conv.wgsl
// @include lib/tile.wgsl
// @include lib/one.wgsl
// @include lib/epilogue.wgsl
// @include lib/columns.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<T>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;
@group(0) @binding(6) var<storage, read_write> moments: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let pixels = params.N * u32(params.OH * params.OW);
  let K = params.KH * params.KW * params.CG;
  let C = params.G * params.CG;
  let CO = params.G * params.OG;
  let group = wid.z;
  // This invocation loads one column of a slice for some pixels: where their windows begin.
  let slot = lid % STEP;
  var top: array<vec4<i32>, LOADS>;
  var across: array<vec4<i32>, LOADS>;
  var window: array<vec4<i32>, LOADS>; // its place in x
  @unroll for (var i = 0u; i < LOADS; i++) {
    let first = wid.y * TILE + 4u * (lid / STEP + THREADS / STEP * i);
    let pixel = vec4<i32>(min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(pixels - 1u)));
    across[i] = pixel % params.OW * params.SW - params.PW;
    top[i] = pixel / params.OW % params.OH * params.SH - params.PH;
    let image = pixel / (params.OW * params.OH) * params.H;
    window[i] = ((image + top[i]) * params.W + across[i]) * i32(C);
  }
  var sums: Sums;
  for (var k0 = 0u; k0 < K; k0 += STEP) {
    let k = k0 + slot;
    let tap = select(k, k0, params.CG % STEP == 0) / params.CG; // then one tap for all
    let down = i32(tap / params.KW) * params.DH;
    let along = i32(tap % params.KW) * params.DW;
    let ahead = (down * params.W + along) * i32(C) + i32(group * params.CG + k - tap * params.CG);
    @unroll for (var i = 0u; i < LOADS; i++) {
      let ok = within(top[i] + down, across[i] + along, params.H, params.W) & vec4<bool>(k < K);
      let at = select(vec4<u32>(0u), vec4<u32>(window[i] + ahead), ok);
      let quad = lid / STEP + THREADS / STEP * i;
      left[slot][quad] =
        select(vec4<f32>(0.0), vec4<f32>(f32(x[at.x]), f32(x[at.y]), f32(x[at.z]), f32(x[at.w])), ok);
    }
    @unroll for (var i = 0u; i < LOADS; i++) {
      let at = lid + i * THREADS;
      let row = at / QUADS;
      let n = wid.x * TILE + 4u * (at % QUADS);
      let start = min(k0 + row, K - 1u) * CO + group * params.OG;
      var v: vec4<f32>;
      @unroll for (var c = 0u; c < 4u; c++) { v[c] = f32(w[start + min(n + c, params.OG - 1u)]); }
      right[row][at % QUADS] = select(vec4<f32>(0.0), v, k0 + row < K);
    }
    workgroupBarrier();
    multiply(&sums, lid);
    workgroupBarrier();
  }
  store_all(&sums, wid, lid);
  if (has_moments) { store_moments(wid, lid, lid / G, lid % G, pixels); }
}

fn store(wid: vec3<u32>, pixel: u32, column: u32, block: u32, sums: vec4<f32>) {
  let CO = params.G * params.OG;
  if (pixel >= params.N * u32(params.OH * params.OW)) { return; }
  if (has_moments) { found[block] = joined(found[block], sums); }
  for (var c = 0u; c < 4u; c++) {
    if (column + c < params.OG) {
      let o = wid.z * params.OG + column + c;
      y[pixel * CO + o] = finished(sums[c], scale_of(o), bias_of(o), pixel * CO + o);
    }
  }
}
