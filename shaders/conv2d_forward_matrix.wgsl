// The convolution of conv2d_forward_tile.wgsl by matrix units, where channels of a group come in fours: pixels are the
// rows of the left matrix, taps and channels its columns. Dispatched over [ceil(OG / 64), ceil(N·OH·OW / 64), G].
// @tile TILE, TILE
// @include lib/conv.wgsl
// @include lib/matrix.wgsl
// @include lib/four.wgsl
// @include lib/epilogue.wgsl
// @include lib/columns.wgsl
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scale: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<T>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(6) var<storage, read_write> moments: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let pixels = params.N * u32(params.OH * params.OW);
  let K = params.KH * params.KW * params.CG;
  let whole = K % STEP == 0u; // then no slice reaches past the end
  let C = params.G * params.CG;
  let CO = params.G * params.OG;
  // This invocation loads four columns of a slice for four pixels: where their windows begin.
  let m = lid / QUADS * 4u;
  let slot = lid % QUADS * 4u;
  let pixel = vec4<i32>(min(wid.y * TILE + m + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(pixels - 1u)));
  let across = pixel % params.OW * params.SW - params.PW;
  let top = pixel / params.OW % params.OH * params.SH - params.PH;
  let image = pixel / (params.OW * params.OH) * params.H;
  let window = ((image + top) * params.W + across) * i32(C / 4u);
  let n = lid % 16u * 4u; // and four rows of a slice for four output channels
  let row = lid / 16u * 4u;
  // Past the last channel they are those of the last ones once more: what they make is not stored.
  let weights = (row * CO + wid.z * params.OG + min(wid.x * TILE + n, params.OG - 4u)) / 4u;
  var sums: Sums;
  for (var k0 = 0u; k0 < K; k0 += STEP) {
    if (lid < LOADERS) {
      let k = k0 + slot;
      let tap = select(k, k0, params.CG % STEP == 0u) / params.CG; // then one tap for all
      let down = i32(tap / params.KW) * params.DH;
      let along = i32(tap % params.KW) * params.DW;
      let ok = within(top + down, across + along, params.H, params.W) & vec4<bool>(whole || k < K);
      let channel = wid.z * params.CG + k - tap * params.CG;
      let place = window + (down * params.W + along) * i32(C / 4u) + i32(channel / 4u);
      let at = select(vec4<u32>(0u), vec4<u32>(place), ok);
      var b: Block;
      @unroll for (var r = 0u; r < 4u; r++) { b[r] = select(vec4<E>(), vec4<E>(x[at[r]]), ok[r]); }
      var c = Block();
      if (whole || k0 + row < K) {
        let line = weights + k0 * CO / 4u;
        @unroll for (var r = 0u; r < 4u; r++) { c[r] = vec4<E>(w[line + r * CO / 4u]); }
      }
      put_left(m, slot, b);
      put_right(n, row, transposed(c));
    }
    workgroupBarrier();
    multiply(&sums, subgroup);
    workgroupBarrier();
  }
  store_all(&sums, wid, subgroup, lane);
  if (has_moments) { store_moments(wid, lid, line_of(subgroup, lane), quad_of(subgroup, lane), pixels); }
}

fn store(wid: vec3<u32>, pixel: u32, column: u32, block: u32, sums: vec4<f32>) {
  if (has_moments && pixel < params.N * u32(params.OH * params.OW)) { found[block] = joined(found[block], sums); }
  if (pixel < params.N * u32(params.OH * params.OW) && column < params.OG) {
    let o = (wid.z * params.OG + column) / 4u;
    let to = pixel * params.G * params.OG / 4u + o;
    y[to] = finished(sums, scale_of(o), bias_of(o), to);
  }
}
