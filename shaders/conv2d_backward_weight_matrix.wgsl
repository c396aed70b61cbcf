// The gradient of conv2d_backward_weight_tile.wgsl by matrix units, where channels of a group come in fours: taps and
// channels are the rows of the left matrix, pixels its columns. Dispatched over [ceil(OG / 64), ceil(KH·KW·CG / 64),
// G·splits].
// @tile TILE, TILE
// @include lib/conv.wgsl
// @include lib/matrix.wgsl
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let C = params.G * params.CG;
  let CO = params.G * params.OG;
  let rows = params.KH * params.KW * params.CG;
  let group = wid.z / params.splits;
  let split = wid.z % params.splits;
  let pixels = params.N * u32(params.OH * params.OW);
  let end = min((split + 1u) * params.k_per_split, pixels);
  // This invocation loads four channels at a tap and four output channels, of four pixels.
  let line = lid % 16u * 4u;
  let slot = lid / 16u * 4u;
  let row = wid.y * TILE + line;
  let tap = row / params.CG;
  let down = i32(tap / params.KW) * params.DH - params.PH;
  let along = i32(tap % params.KW) * params.DW - params.PW;
  let channel = group * params.CG + row % params.CG;
  let o = wid.x * TILE + line;
  var sums: Sums;
  for (var p0 = split * params.k_per_split; p0 < end; p0 += STEP) {
    if (lid < LOADERS) {
      let p = p0 + slot + vec4<u32>(0u, 1u, 2u, 3u);
      let pixel = vec4<i32>(p);
      let iy = pixel / params.OW % params.OH * params.SH + down;
      let ix = pixel % params.OW * params.SW + along;
      let image = pixel / (params.OW * params.OH) * params.H;
      let inside = p < vec4<u32>(end);
      let ok = (iy >= vec4<i32>(0)) & (iy < vec4<i32>(params.H)) & (ix >= vec4<i32>(0)) & (ix < vec4<i32>(params.W))
        & inside & vec4<bool>(row < rows);
      let at = select(vec4<u32>(0u), (vec4<u32>((image + iy) * params.W + ix) * C + channel) / 4u, ok);
      var b: Block;
      @unroll for (var r = 0u; r < 4u; r++) { b[r] = select(vec4<E>(), vec4<E>(x[at[r]]), ok[r]); }
      put_left(line, slot, transposed(b));
      let present = inside & vec4<bool>(o < params.OG);
      let to = select(vec4<u32>(0u), (p * CO + group * params.OG + o) / 4u, present);
      @unroll for (var r = 0u; r < 4u; r++) { b[r] = select(vec4<E>(), vec4<E>(dy[to[r]]), present[r]); }
      put_right(line, slot, transposed(b));
    }
    workgroupBarrier();
    multiply(&sums, subgroup);
    workgroupBarrier();
  }
  store_all(&sums, wid, subgroup, lane);
}

fn store(wid: vec3<u32>, row: u32, column: u32, sums: vec4<f32>) {
  let rows = params.KH * params.KW * params.CG;
  let CO = params.G * params.OG;
  let o = wid.z / params.splits * params.OG + column;
  if (row < rows && column < params.OG) { dw[((wid.z % params.splits * rows + row) * CO + o) / 4u] = sums; }
}
