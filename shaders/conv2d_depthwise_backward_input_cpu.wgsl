// Gradient of a depthwise convolution with one output a channel for its input: dy [N, OH, OW, C], w [K·K, C] → dx [N,
// H, W, C]. An invocation makes one channel of TW columns of an image, line by line of dy (lib/square.wgsl). Dispatched
// over ceil(N·ceil(W / TW)·C / 64).
// @variant K = 3, 5, 7
// @variant S = 1, 2
// @variant T = f32, f16
// @include lib/square.wgsl
// @include lib/index.wgsl
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read> w: array<T>;
@group(0) @binding(2) var<storage, read_write> dx: array<T>;
@group(0) @binding(3) var<uniform> params: Params;
const BEFORE = P / S; // pixels of dy on the left of the one that stands over the first column
const SEEN = BEFORE + (TW - 1u + P) / S + 1u;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  let strips = (u32(params.W) + TW - 1u) / TW;
  let n = id / params.C / strips;
  if (n >= params.N) { return; }
  let c = id % params.C;
  let first = id / params.C % strips * TW;
  let left = i32(first / S) - i32(BEFORE);
  var weight: array<f32, K * K>;
  @unroll for (var i = 0u; i < K * K; i++) { weight[i] = f32(w[i * params.C + c]); }
  var acc: array<f32, K * TW>; // of line oy·S - P + ky from ky·TW on
  for (var oy = 0; oy * i32(S) < params.H + i32(P); oy++) {
    if (oy < params.OH) {
      let row = (n * u32(params.OH) + u32(oy)) * u32(params.OW) * params.C + c;
      var seen: array<f32, SEEN>;
      @unroll for (var j = 0u; j < SEEN; j++) {
        seen[j] = within(f32(dy[place(row, left + i32(j), params.OW)]), left + i32(j), params.OW);
      }
      @unroll for (var ky = 0u; ky < K; ky++) {
        @unroll for (var i = 0u; i < TW; i++) {
          @unroll for (var kx = 0u; kx < K; kx++) {
            // Column i meets tap kx where a pixel of dy stands: i + P - kx is a multiple of S.
            if ((i + P + S * K - kx) % S == 0u) {
              acc[ky * TW + i] += weight[ky * K + kx] * seen[max((i + P + S * K - kx) / S + BEFORE, K) - K];
            }
          }
        }
      }
    }
    @unroll for (var s = 0u; s < S; s++) {
      let iy = oy * i32(S) + i32(s) - i32(P);
      if (iy >= 0 && iy < params.H) {
        let to = (n * u32(params.H) + u32(iy)) * u32(params.W) + first;
        @unroll for (var i = 0u; i < TW; i++) {
          if (first + i < u32(params.W)) { dx[(to + i) * params.C + c] = T(acc[s * TW + i]); }
        }
      }
    }
    @unroll for (var i = 0u; i < (K - S) * TW; i++) { acc[i] = acc[i + S * TW]; }
    @unroll for (var i = 0u; i < S * TW; i++) { acc[(K - S) * TW + i] = 0.0; }
  }
}
