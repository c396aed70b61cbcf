// Gradient of a convolution of any kind for its input: dy [N, OH, OW, G·OG], w [KH·KW·CG, G·OG] → dx [N, H, W, G·CG],
// as an implicit matrix product in workgroup memory, tap by tap. Pixels are taken phase by phase (y mod SH, x mod SW),
// as each phase meets only some taps. Tiles of lib/tile.wgsl: pixels of dx are the rows of the left matrix, output
// channels its columns; + residual, if there is one; then lib/columnsums.wgsl, if wanted. Dispatched over [ceil(CG /
// TILE), ceil(N·ceil(H/SH)·ceil(W/SW) / TILE), G·SH·SW].
// @tile TILE, TILE
// @variant T = f32, f16
// @variant G R STEP = 8 1 16, 16 1 16, 8 2 16
// @include lib/conv.wgsl
// @include lib/phase.wgsl
// @include lib/tile.wgsl
// @include lib/columnsums.wgsl
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> residual: array<T>;
@group(0) @binding(3) var<storage, read_write> dx: array<T>;
@group(0) @binding(4) var<storage, read> norm_x: array<T>;
@group(0) @binding(5) var<storage, read> norm_y: array<T>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> parts: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;
override has_residual: bool = false;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let CO = params.G * params.OG;
  let phase = phase_of(wid.z);
  let group = phase.group;
  // This invocation loads one column of a slice for some pixels.
  let slot = lid % STEP;
  var qy: array<vec4<i32>, LOADS>;
  var qx: array<vec4<i32>, LOADS>;
  var place: array<vec4<i32>, LOADS>; // in dy, of the pixel that tap 0 without padding leads to
  @unroll for (var i = 0u; i < LOADS; i++) {
    let first = wid.y * TILE + 4u * (lid / STEP + THREADS / STEP * i);
    let pixel = min(vec4<i32>(first + vec4<u32>(0u, 1u, 2u, 3u)), vec4<i32>(phase.pixels - 1));
    qx[i] = pixel % phase.QW;
    qy[i] = pixel / phase.QW % phase.QH;
    let image = pixel / (phase.QW * phase.QH) * params.OH;
    place[i] = ((image + qy[i]) * params.OW + qx[i]) * i32(CO);
  }
  var results: Sums;
  for (var tap = 0u; tap < params.KH * params.KW; tap++) {
    let lead = led_to(phase, tap);
    if (lead.z == 0) { continue; }
    for (var k0 = 0u; k0 < params.OG; k0 += STEP) {
      let k = k0 + slot;
      let o = group * params.OG + min(k, params.OG - 1u);
      let ahead = (lead.x * params.OW + lead.y) * i32(CO) + i32(o);
      @unroll for (var i = 0u; i < LOADS; i++) {
        let ok = within(qy[i] + lead.x, qx[i] + lead.y, params.OH, params.OW) & vec4<bool>(k < params.OG);
        let at = select(vec4<u32>(0u), vec4<u32>(place[i] + ahead), ok);
        let quad = lid / STEP + THREADS / STEP * i;
        left[slot][quad] =
          select(vec4<f32>(0.0), vec4<f32>(f32(dy[at.x]), f32(dy[at.y]), f32(dy[at.z]), f32(dy[at.w])), ok);
        let c = wid.x * TILE + 4u * quad;
        var v: vec4<f32>;
        @unroll for (var r = 0u; r < 4u; r++) {
          v[r] = f32(w[(tap * params.CG + min(c + r, params.CG - 1u)) * CO + o]);
        }
        right[slot][quad] = select(vec4<f32>(0.0), v, k < params.OG);
      }
      workgroupBarrier();
      multiply(&results, lid);
      workgroupBarrier();
    }
  }
  store_all(&results, wid, lid);
  if (has_parts) {
    let part = wid.z % u32(params.SH * params.SW) * nwg.y + wid.y;
    let column = wid.x * TILE;
    store_sums(lid, lid / G, lid % G, part, phase.group * params.CG + column, params.CG - column);
  }
}

fn store(wid: vec3<u32>, pixel: u32, channel: u32, block: u32, sums: vec4<f32>) {
  let phase = phase_of(wid.z);
  let to = place_in_image(phase, i32(pixel));
  if (to < 0) { return; }
  let C = params.G * params.CG;
  var g: vec4<f32>;
  var distance: vec4<f32>;
  @unroll for (var c = 0u; c < 4u; c++) {
    if (channel + c < params.CG) {
      let at = u32(to) + channel + c;
      var v = sums[c];
      if (has_residual) { v += f32(residual[at]); }
      if (has_norm_y) { v = select(v, 0.0, f32(norm_y[at]) <= 0.0); }
      if (has_parts) {
        let own = phase.group * params.CG + channel + c;
        g[c] = v;
        distance[c] = f32(norm_x[at]) - stats[own] - stats[C + own];
      }
      dx[at] = T(v);
    }
  }
  if (has_parts) { gather(block, g, distance); }
}
