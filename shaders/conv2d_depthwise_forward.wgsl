// Depthwise convolution: each of G input channels has OG output channels of its own. x [N, H, W, G], w [KH·KW, G·OG]
// → y [N, OH, OW, G·OG]; then lib/epilogue.wgsl. An invocation computes one channel of RUN neighbouring pixels of a
// line, lanes along channels, so that a weight is loaded once for all of them. Dispatched over
// ceil(N·OH·ceil(OW / RUN)·G·OG / 64).
// @variant T = f32, f16
// @include lib/conv.wgsl
// @include lib/depthwise.wgsl
// @include lib/index.wgsl
// @include lib/pixel.wgsl
// @include lib/one.wgsl
// @include lib/epilogue.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<T>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  let CO = params.G * params.OG;
  let runs = (u32(params.OW) + RUN - 1u) / RUN;
  let line = id / CO / runs; // of all images
  if (line >= params.N * u32(params.OH)) { return; }
  let o = id % CO;
  let first = i32(id / CO % runs * RUN);
  let n = i32(line) / params.OH;
  let top = i32(line) % params.OH * params.SH - params.PH;
  let left = first * params.SW - params.PW;
  let c = o / params.OG;
  var acc: array<f32, RUN>;
  for (var ky = 0; ky < i32(params.KH); ky++) {
    let iy = top + ky * params.DH;
    if (iy < 0 || iy >= params.H) { continue; }
    let row = (n * params.H + iy) * params.W;
    var under: array<f32, RUN>; // the pixels that the run sees at tap kx
    if (SLIDES) {
      @unroll for (var i = 0u; i < LAST; i++) { under[i + 1u] = pixel(row, left + i32(i), c); }
    }
    for (var kx = 0; kx < i32(params.KW); kx++) {
      let weight = f32(w[u32(ky * i32(params.KW) + kx) * CO + o]);
      if (SLIDES) {
        @unroll for (var i = 0u; i < LAST; i++) { under[i] = under[i + 1u]; }
        under[LAST] = pixel(row, left + i32(LAST) + kx, c);
      } else {
        @unroll for (var i = 0u; i < RUN; i++) {
          under[i] = pixel(row, left + i32(i) * params.SW + kx * params.DW, c);
        }
      }
      @unroll for (var i = 0u; i < RUN; i++) { acc[i] += weight * under[i]; }
    }
  }
  let factor = scale_of(o);
  let shift = bias_of(o);
  @unroll for (var i = 0u; i < RUN; i++) {
    if (first + i32(i) < params.OW) {
      let to = (line * u32(params.OW) + u32(first) + i) * CO + o;
      y[to] = finished(acc[i], factor, shift, to);
    }
  }
}
