// The gradient of conv2d_backward_input_tile.wgsl by matrix units: phase by phase and tap by tap; pixels of dx are the
// rows of the left matrix, output channels its columns. Dispatched over [ceil(CG / 64), ceil(N·ceil(H/SH)·ceil(W/SW) /
// 64), G·SH·SW].
// @tile TILE, TILE
// @variant S T = 16 f16, 8 f32
// @require subgroups
// @require chromium-experimental-subgroup-matrix
// @include lib/conv.wgsl
// @include lib/phase.wgsl
// @include lib/matrix.wgsl
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read_write> dx: array<T>;
@group(0) @binding(3) var<uniform> params: Params;
// line and column of each pixel in its phase, and the first line of its image in dy
var<workgroup> pixels_of: array<vec3<i32>, TILE>;

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32,
) {
  let CO = params.G * params.OG;
  let phase = phase_of(wid.z);
  let group = phase.group;
  if (lid < TILE) {
    let pixel = min(i32(wid.y * TILE + lid), phase.pixels - 1);
    pixels_of[lid] =
      vec3<i32>(pixel / phase.QW % phase.QH, pixel % phase.QW, pixel / (phase.QW * phase.QH) * params.OH);
  }
  workgroupBarrier();
  var sums: Sums;
  for (var tap = 0u; tap < params.KH * params.KW; tap++) {
    let lead = led_to(phase, tap);
    if (lead.z == 0) { continue; }
    for (var k0 = 0u; k0 < params.OG; k0 += STEP) {
      let slot = lid % STEP;
      let k = k0 + slot;
      for (var m = lid / STEP; m < TILE; m += THREADS / STEP) {
        let oy = pixels_of[m].x + lead.x;
        let ox = pixels_of[m].y + lead.y;
        let ok = k < params.OG && oy >= 0 && oy < params.OH && ox >= 0 && ox < params.OW;
        let at = u32((pixels_of[m].z + oy) * params.OW + ox) * CO + group * params.OG + k;
        left[m * LEFT_PITCH + slot] = select(T(0.0), dy[select(0u, at, ok)], ok);
      }
      for (var n = lid / STEP; n < TILE; n += THREADS / STEP) {
        let c = wid.x * TILE + n;
        let ok = k < params.OG && c < params.CG;
        right[slot * RIGHT_PITCH + n] =
          select(T(0.0), w[select(0u, (tap * params.CG + c) * CO + group * params.OG + k, ok)], ok);
      }
      workgroupBarrier();
      multiply(&sums, subgroup);
      workgroupBarrier();
    }
  }
  store_all(&sums, wid, subgroup, lane);
}

fn store(wid: vec3<u32>, pixel: u32, channel: u32, sum: f32) {
  let to = place_in_image(phase_of(wid.z), i32(pixel));
  if (to >= 0 && channel < params.CG) { dx[u32(to) + channel] = T(sum); }
}
