// The gradient of conv2d_backward_input_tile.wgsl by matrix units, where channels of a group come in fours: phase by
// phase and tap by tap; pixels of dx are the rows of the left matrix, output channels its columns. Dispatched over
// [ceil(CG / 64), ceil(N·ceil(H/SH)·ceil(W/SW) / 64), G·SH·SW].
// @tile TILE, TILE
// @include lib/conv.wgsl
// @include lib/phase.wgsl
// @include lib/matrix.wgsl
@group(0) @binding(0) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> residual: array<vec4<T>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<T>>;
@group(0) @binding(4) var<uniform> params: Params;
override has_residual: bool = false;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let CO = params.G * params.OG;
  let phase = phase_of(wid.z);
  // This invocation loads four columns of a slice for four pixels and for four channels.
  let line = lid / QUADS * 4u;
  let slot = lid % QUADS * 4u;
  let pixel = min(vec4<i32>(wid.y * TILE + line + vec4<u32>(0u, 1u, 2u, 3u)), vec4<i32>(phase.pixels - 1));
  let qx = pixel % phase.QW;
  let qy = pixel / phase.QW % phase.QH;
  let image = pixel / (phase.QW * phase.QH) * params.OH; // its first line in dy
  let c = wid.x * TILE + line;
  var sums: Sums;
  for (var tap = 0u; tap < params.KH * params.KW; tap++) {
    let lead = led_to(phase, tap);
    if (lead.z == 0) { continue; }
    for (var k0 = 0u; k0 < params.OG; k0 += STEP) {
      if (lid < LOADERS) {
        let k = k0 + slot;
        let o = phase.group * params.OG + k;
        let oy = qy + lead.x;
        let ox = qx + lead.y;
        let ok = (oy >= vec4<i32>(0)) & (oy < vec4<i32>(params.OH)) & (ox >= vec4<i32>(0))
          & (ox < vec4<i32>(params.OW)) & vec4<bool>(k < params.OG);
        let at = select(vec4<u32>(0u), (vec4<u32>((image + oy) * params.OW + ox) * CO + o) / 4u, ok);
        var b: Block;
        @unroll for (var r = 0u; r < 4u; r++) { b[r] = select(vec4<E>(), vec4<E>(dy[at[r]]), ok[r]); }
        put_left(line, slot, b);
        @unroll for (var r = 0u; r < 4u; r++) {
          let inside = k < params.OG && c + r < params.CG;
          let place = ((tap * params.CG + c + r) * CO + o) / 4u;
          b[r] = select(vec4<E>(), vec4<E>(w[select(0u, place, inside)]), inside);
        }
        put_right(line, slot, b);
      }
      workgroupBarrier();
      multiply(&sums, subgroup);
      workgroupBarrier();
    }
  }
  store_all(&sums, wid, subgroup, lane);
}

fn store(wid: vec3<u32>, pixel: u32, channel: u32, sums: vec4<f32>) {
  let to = place_in_image(phase_of(wid.z), i32(pixel));
  if (to < 0 || channel >= params.CG) { return; }
  var v = sums;
  if (has_residual) { v += vec4<f32>(residual[(u32(to) + channel) / 4u]); }
  dx[(u32(to) + channel) / 4u] = vec4<T>(v);
}
