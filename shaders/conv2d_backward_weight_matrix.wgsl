// The gradient of conv2d_backward_weight_tile.wgsl by matrix units: taps and channels are the rows of the left matrix,
// pixels its columns. Dispatched over [ceil(OG / 64), ceil(KH·KW·CG / 64), G·splits].
// @tile TILE, TILE
// @variant S T = 16 f16, 8 f32
// @require subgroups
// @require chromium-experimental-subgroup-matrix
// @include lib/conv.wgsl
// @include lib/matrix.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(THREADS)
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
  // This invocation loads one row of the left tile, tap and channel, and one output channel.
  let slot = lid % TILE;
  let row = wid.y * TILE + slot;
  let tap = row / params.CG;
  let down = i32(tap / params.KW) * params.DH - params.PH;
  let right_by = i32(tap % params.KW) * params.DW - params.PW;
  let channel = group * params.CG + row % params.CG;
  let o = wid.x * TILE + slot;
  var sums: Sums;
  for (var p0 = split * params.k_per_split; p0 < end; p0 += STEP) {
    for (var k = lid / TILE; k < STEP; k += THREADS / TILE) {
      let p = p0 + k;
      let pixel = i32(p);
      let iy = pixel / params.OW % params.OH * params.SH + down;
      let ix = pixel % params.OW * params.SW + right_by;
      let image = pixel / (params.OW * params.OH) * params.H;
      let ok = p < end && row < rows && iy >= 0 && iy < params.H && ix >= 0 && ix < params.W;
      left[slot * LEFT_PITCH + k] =
        select(T(0.0), x[select(0u, u32((image + iy) * params.W + ix) * C + channel, ok)], ok);
      let dy_ok = p < end && o < params.OG;
      right[k * RIGHT_PITCH + slot] = select(T(0.0), dy[select(0u, p * CO + group * params.OG + o, dy_ok)], dy_ok);
    }
    workgroupBarrier();
    multiply(&sums, subgroup);
    workgroupBarrier();
  }
  store_all(&sums, wid, subgroup, lane);
}

fn store(wid: vec3<u32>, row: u32, column: u32, sum: f32) {
  let rows = params.KH * params.KW * params.CG;
  let CO = params.G * params.OG;
  let o = wid.z / params.splits * params.OG + column;
  if (row < rows && column < params.OG) { dw[(wid.z % params.splits * rows + row) * CO + o] = sum; }
}
