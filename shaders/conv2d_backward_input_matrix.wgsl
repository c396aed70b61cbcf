// The gradient of conv2d_backward_input_tile.wgsl by matrix units, where channels of a group come in fours: phase by
// phase and tap by tap; pixels of dx are the rows of the left matrix, output channels its columns. Dispatched over
// [ceil(CG / 64), ceil(N·ceil(H/SH)·ceil(W/SW) / 64), G·SH·SW].
// @tile TILE, TILE
// @include lib/conv.wgsl
// @include lib/phase.wgsl
// @include lib/matrix.wgsl
// @include lib/columnsums.wgsl
@group(0) @binding(0) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> residual: array<vec4<T>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<T>>;
@group(0) @binding(4) var<storage, read> norm_x: array<vec4<T>>;
@group(0) @binding(5) var<storage, read> norm_y: array<vec4<T>>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> parts: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;
override has_residual: bool = false;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let CO = params.G * params.OG;
  let whole = params.OG % STEP == 0u; // then no slice reaches past the end
  let phase = phase_of(wid.z);
  // This invocation loads four columns of a slice for four pixels and for four channels.
  let line = lid / QUADS * 4u;
  let slot = lid % QUADS * 4u;
  let pixel = min(vec4<i32>(wid.y * TILE + line + vec4<u32>(0u, 1u, 2u, 3u)), vec4<i32>(phase.pixels - 1));
  let qx = pixel % phase.QW;
  let qy = pixel / phase.QW % phase.QH;
  let image = pixel / (phase.QW * phase.QH) * params.OH; // its first line in dy
  let place = ((image + qy) * params.OW + qx) * i32(CO / 4u);
  // Past the last channel they are those of the last one once more: what they make is not stored.
  let rows = min(wid.x * TILE + line + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.CG - 1u)) * (CO / 4u);
  var results: Sums;
  for (var tap = 0u; tap < params.KH * params.KW; tap++) {
    let lead = led_to(phase, tap);
    if (lead.z == 0) { continue; }
    let met = within(qy + lead.x, qx + lead.y, params.OH, params.OW);
    let there = select(vec4<i32>(0), place + (lead.x * params.OW + lead.y) * i32(CO / 4u), met);
    for (var k0 = 0u; k0 < params.OG; k0 += STEP) {
      if (lid < LOADERS) {
        let k = k0 + slot;
        let o = phase.group * params.OG + k;
        let ok = met & vec4<bool>(whole || k < params.OG);
        let at = select(vec4<u32>(0u), vec4<u32>(there + i32(o / 4u)), vec4<bool>(whole || k < params.OG));
        var b: Block;
        @unroll for (var r = 0u; r < 4u; r++) { b[r] = select(vec4<E>(), vec4<E>(dy[at[r]]), ok[r]); }
        var c = Block();
        if (whole || k < params.OG) {
          let lines = rows + tap * params.CG * (CO / 4u) + o / 4u;
          @unroll for (var r = 0u; r < 4u; r++) { c[r] = vec4<E>(w[lines[r]]); }
        }
        put_left(line, slot, b);
        put_right(line, slot, c);
      }
      workgroupBarrier();
      multiply(&results, subgroup);
      workgroupBarrier();
    }
  }
  store_all(&results, wid, subgroup, lane);
  if (has_parts) {
    let part = wid.z % u32(params.SH * params.SW) * nwg.y + wid.y;
    let column = wid.x * TILE;
    let first = phase.group * params.CG + column;
    store_sums(lid, line_of(subgroup, lane), quad_of(subgroup, lane), part, first, params.CG - column);
  }
}

fn store(wid: vec3<u32>, pixel: u32, channel: u32, block: u32, sums: vec4<f32>) {
  let phase = phase_of(wid.z);
  let to = place_in_image(phase, i32(pixel));
  if (to < 0 || channel >= params.CG) { return; }
  let at = (u32(to) + channel) / 4u;
  var v = sums;
  if (has_residual) { v += vec4<f32>(residual[at]); }
  if (has_norm_y) { v = select(v, vec4<f32>(), vec4<f32>(norm_y[at]) <= vec4<f32>()); }
  if (has_parts) {
    let own = phase.group * params.CG + channel;
    var distance = vec4<f32>(norm_x[at]);
    @unroll for (var c = 0u; c < 4u; c++) { distance[c] -= stats[own + c]; }
    @unroll for (var c = 0u; c < 4u; c++) { distance[c] -= stats[params.G * params.CG + own + c]; }
    gather(block, v, distance);
  }
  dx[at] = vec4<T>(v);
}
