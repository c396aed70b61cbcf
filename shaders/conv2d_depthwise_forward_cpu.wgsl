// Depthwise convolution with one output a channel: x [N, H, W, C], w [K·K, C] → y [N, OH, OW, C]; then
// lib/epilogue.wgsl. An invocation makes one channel of TW columns of an image, line by line of x (lib/square.wgsl).
// Dispatched over ceil(N·ceil(OW / TW)·C / 64).
// @variant K = 3, 5, 7
// @variant S = 1, 2
// @variant T = f32, f16
// @include lib/square.wgsl
// @include lib/index.wgsl
// @include lib/one.wgsl
// @include lib/epilogue.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> scale: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<T>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;
@group(0) @binding(6) var<uniform> params: Params;
const OPEN = (K + S - 1u) / S; // lines of y that a line of x meets
const SEEN = (TW - 1u) * S + K;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  let strips = (u32(params.OW) + TW - 1u) / TW;
  let n = id / params.C / strips;
  if (n >= params.N) { return; }
  let c = id % params.C;
  let first = id / params.C % strips * TW;
  let left = i32(first * S) - i32(P);
  var weight: array<f32, K * K>;
  @unroll for (var i = 0u; i < K * K; i++) { weight[i] = f32(w[i * params.C + c]); }
  let factor = scale_of(c);
  let shift = bias_of(c);
  var acc: array<f32, OPEN * TW>; // of line oy - m from m·TW on
  for (var oy = 0; oy < params.OH + i32(OPEN) - 1; oy++) {
    @unroll for (var s = 0u; s < S; s++) {
      let iy = oy * i32(S) + i32(s) - i32(P);
      if (iy >= 0 && iy < params.H) {
        let row = (n * u32(params.H) + u32(iy)) * u32(params.W) * params.C + c;
        var seen: array<f32, SEEN>;
        @unroll for (var j = 0u; j < SEEN; j++) {
          seen[j] = within(f32(x[place(row, left + i32(j), params.W)]), left + i32(j), params.W);
        }
        @unroll for (var m = 0u; m < OPEN; m++) {
          if (m * S + s < K) {
            @unroll for (var i = 0u; i < TW; i++) {
              @unroll for (var kx = 0u; kx < K; kx++) {
                acc[m * TW + i] += weight[min(m * S + s, K - 1u) * K + kx] * seen[i * S + kx];
              }
            }
          }
        }
      }
    }
    let done = oy + 1 - i32(OPEN);
    if (done >= 0) {
      let to = (n * u32(params.OH) + u32(done)) * u32(params.OW) + first;
      @unroll for (var i = 0u; i < TW; i++) {
        if (first + i < u32(params.OW)) {
          let at = (to + i) * params.C + c;
          y[at] = finished(acc[(OPEN - 1u) * TW + i], factor, shift, at);
        }
      }
    }
    @unroll for (var i = 0u; i < (OPEN - 1u) * TW; i++) { acc[OPEN * TW - 1u - i] = acc[(OPEN - 1u) * TW - 1u - i]; }
    @unroll for (var i = 0u; i < TW; i++) { acc[i] = 0.0; }
  }
}
