// Gradient of a depthwise convolution for its weight: x [N, H, W, G], dy [N, OH, OW, G·OG] → dw [splits, KH·KW, G·OG].
// An invocation sums RUN neighbouring taps of a row of the weight over k_per_split of the N·OH lines, lanes along
// channels; the parts are summed afterwards in a fixed order. Dispatched over
// ceil(splits·KH·ceil(KW / RUN)·G·OG / 64).
// @variant T = f32, f16
// @include lib/conv.wgsl
// @include lib/depthwise.wgsl
// @include lib/index.wgsl
// @include lib/pixel.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  let CO = params.G * params.OG;
  let runs = (params.KW + RUN - 1u) / RUN;
  let split = id / CO / runs / params.KH;
  if (split >= params.splits) { return; }
  let o = id % CO;
  let c = o / params.OG;
  let first = id / CO % runs * RUN; // of the taps
  let ky = id / CO / runs % params.KH;
  let down = i32(ky) * params.DH - params.PH;
  let right = i32(first) * params.DW - params.PW;
  let end = min((split + 1u) * params.k_per_split, params.N * u32(params.OH));
  var sums: array<f32, RUN>;
  for (var line = split * params.k_per_split; line < end; line++) {
    let iy = i32(line) % params.OH * params.SH + down;
    if (iy < 0 || iy >= params.H) { continue; }
    let row = (i32(line) / params.OH * params.H + iy) * params.W;
    var parts = array<f32, RUN>(); // line by line: long sums lose less
    var under: array<f32, RUN>; // the pixels below the taps
    if (SLIDES) {
      @unroll for (var i = 0u; i < LAST; i++) { under[i + 1u] = pixel(row, right + i32(i), c); }
    }
    for (var ox = 0; ox < params.OW; ox++) {
      let left = ox * params.SW + right;
      if (SLIDES) {
        @unroll for (var i = 0u; i < LAST; i++) { under[i] = under[i + 1u]; }
        under[LAST] = pixel(row, left + i32(LAST), c);
      } else {
        @unroll for (var i = 0u; i < RUN; i++) { under[i] = pixel(row, left + i32(i) * params.DW, c); }
      }
      let d = f32(dy[(line * u32(params.OW) + u32(ox)) * CO + o]);
      @unroll for (var i = 0u; i < RUN; i++) {
        // What is outside of the image counts for nothing, an infinite gradient neither.
        let ix = left + i32(i) * params.DW;
        parts[i] += select(0.0, under[i] * d, ix >= 0 && ix < params.W);
      }
    }
    @unroll for (var i = 0u; i < RUN; i++) { sums[i] += parts[i]; }
  }
  @unroll for (var i = 0u; i < RUN; i++) {
    if (first + i < params.KW) { dw[((split * params.KH + ky) * params.KW + first + i) * CO + o] = sums[i]; }
  }
}
