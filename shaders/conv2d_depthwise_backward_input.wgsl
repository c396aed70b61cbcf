// Gradient of a depthwise convolution for its input: dy [N, OH, OW, G·OG], w [KH·KW, G·OG] → dx [N, H, W, G]. An
// invocation makes one channel of RUN pixels of a line that are SW apart: the same taps meet them, those of one
// remainder. Lanes along channels. Dispatched over ceil(N·H·SW·ceil(W / SW / RUN)·G / 64).
// @variant T = f32, f16
// @include lib/conv.wgsl
// @include lib/depthwise.wgsl
// @include lib/index.wgsl
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read_write> dx: array<T>;
@group(0) @binding(3) var<uniform> params: Params;

// Channel o of pixel ox of a line that begins at `row`, 0 outside of the image.
fn pixel(row: i32, ox: i32, o: u32) -> f32 {
  let ok = ox >= 0 && ox < params.OW;
  return select(0.0, f32(dy[select(0u, u32(row + ox) * params.G * params.OG + o, ok)]), ok);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  let CO = params.G * params.OG;
  let SW = u32(params.SW);
  let runs = SW * ((u32(params.W) + SW * RUN - 1u) / (SW * RUN));
  let line = id / params.G / runs; // of all images
  if (line >= params.N * u32(params.H)) { return; }
  let c = id % params.G;
  let run = id / params.G % runs;
  let first = i32(run / SW * SW * RUN + run % SW);
  let n = i32(line) / params.H;
  // oy = (below - ky·DH) / SH must be whole, and so must ox: without dilation that is every SH-th tap, else each is
  // tried.
  let below = i32(line) % params.H + params.PH;
  let right = first + params.PW;
  let stride_y = select(1, params.SH, params.DH == 1);
  let stride_x = select(1, params.SW, SLIDES);
  let first_x = right % stride_x;
  var acc: array<f32, RUN>;
  for (var ky = below % stride_y; ky < i32(params.KH); ky += stride_y) {
    let sy = below - ky * params.DH;
    let oy = sy / params.SH;
    if (sy < 0 || oy * params.SH != sy || oy >= params.OH) { continue; }
    let row = (n * params.OH + oy) * params.OW;
    for (var o = c * params.OG; o < (c + 1u) * params.OG; o++) {
      var ox = (right - first_x) / params.SW; // of the run's first pixel at tap kx
      var over: array<f32, RUN>; // the pixels that see the run there
      if (SLIDES) {
        @unroll for (var i = 0u; i < LAST; i++) { over[i] = pixel(row, ox + i32(i) + 1, o); }
      }
      for (var kx = first_x; kx < i32(params.KW); kx += stride_x) {
        let weight = f32(w[u32(ky * i32(params.KW) + kx) * CO + o]);
        if (SLIDES) {
          @unroll for (var i = 0u; i < LAST; i++) { over[LAST - i] = over[LAST - i - 1u]; }
          over[0] = pixel(row, ox, o);
          ox -= 1;
        } else {
          let sx = right - kx * params.DW;
          // Rounded down: further pixels of the run may be inside where the first is not.
          let left = select((sx - params.SW + 1) / params.SW, sx / params.SW, sx >= 0);
          let meets = left * params.SW == sx;
          @unroll for (var i = 0u; i < RUN; i++) { over[i] = select(0.0, pixel(row, left + i32(i), o), meets); }
        }
        @unroll for (var i = 0u; i < RUN; i++) { acc[i] += weight * over[i]; }
      }
    }
  }
  @unroll for (var i = 0u; i < RUN; i++) {
    let ix = first + i32(i) * params.SW;
    if (ix < params.W) { dx[(line * u32(params.W) + u32(ix)) * params.G + c] = T(acc[i]); }
  }
}
