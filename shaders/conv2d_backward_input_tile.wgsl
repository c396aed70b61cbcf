// Gradient of a convolution of any kind for its input: dy [N, OH, OW, G·OG], w [KH·KW·CG, G·OG] → dx [N, H, W, G·CG],
// as an implicit matrix product in workgroup memory, tap by tap. Pixels are taken phase by phase (y mod SH, x mod SW),
// as each phase meets only some taps. Tiles of lib/tile.wgsl: pixels of dx are the rows of the left matrix, output
// channels its columns; + residual, if there is one. Dispatched over [ceil(CG / TILE), ceil(N·ceil(H/SH)·ceil(W/SW) /
// TILE), G·SH·SW].
// @tile TILE, TILE
// @variant T = f32, f16
// @variant G R STEP = 8 1 16, 16 1 16, 8 2 16
// @include lib/conv.wgsl
// @include lib/phase.wgsl
// @include lib/tile.wgsl
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> residual: array<T>;
@group(0) @binding(3) var<storage, read_write> dx: array<T>;
@group(0) @binding(4) var<uniform> params: Params;
override has_residual: bool = false;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
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
  var sums: Sums;
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
      multiply(&sums, lid);
      workgroupBarrier();
    }
  }
  store_all(&sums, wid, lid);
}

fn store(wid: vec3<u32>, pixel: u32, channel: u32, sums: vec4<f32>) {
  let to = place_in_image(phase_of(wid.z), i32(pixel));
  for (var c = 0u; c < 4u; c++) {
    if (to >= 0 && channel + c < params.CG) {
      var v = sums[c];
      if (has_residual) { v += f32(residual[u32(to) + channel + c]); }
      dx[u32(to) + channel + c] = T(v);
    }
  }
}
