// Gradient of a depthwise convolution for its input: dy [N, OH, OW, G·OG], w [KH·KW, G·OG] → dx [N, H, W, G]. An
// invocation makes one channel of RUN neighbouring pixels of a line, lanes along channels. Dispatched over
// ceil(N·H·ceil(W / RUN)·G / 64).
// @variant T = f32, f16
// @include lib/conv.wgsl
// @include lib/index.wgsl
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read_write> dx: array<T>;
@group(0) @binding(3) var<uniform> params: Params;
const RUN = 4u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  let CO = params.G * params.OG;
  let runs = (u32(params.W) + RUN - 1u) / RUN;
  let line = id / params.G / runs; // of all images
  if (line >= params.N * u32(params.H)) { return; }
  let c = id % params.G;
  let first = i32(id / params.G % runs * RUN);
  let n = i32(line) / params.H;
  let iy = i32(line) % params.H;
  var acc: array<f32, RUN>;
  for (var ky = 0; ky < i32(params.KH); ky++) {
    // oy = (iy + PH - ky·DH) / SH must be whole, and so must ox.
    let sy = iy + params.PH - ky * params.DH;
    let oy = sy / params.SH;
    if (sy < 0 || oy * params.SH != sy || oy >= params.OH) { continue; }
    let row = (n * params.OH + oy) * params.OW;
    for (var kx = 0; kx < i32(params.KW); kx++) {
      for (var o = c * params.OG; o < (c + 1u) * params.OG; o++) {
        let weight = f32(w[u32(ky * i32(params.KW) + kx) * CO + o]);
        @unroll for (var i = 0u; i < RUN; i++) {
          let sx = first + i32(i) + params.PW - kx * params.DW;
          let ox = sx / params.SW;
          let ok = sx >= 0 && ox * params.SW == sx && ox < params.OW;
          acc[i] += weight * select(0.0, f32(dy[select(0u, u32(row + ox) * CO + o, ok)]), ok);
        }
      }
    }
  }
  @unroll for (var i = 0u; i < RUN; i++) {
    if (first + i32(i) < params.W) { dx[(line * u32(params.W) + u32(first) + i) * params.G + c] = T(acc[i]); }
  }
}
