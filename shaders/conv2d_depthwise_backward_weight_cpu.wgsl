// Gradient of a depthwise convolution with one output a channel for its weight: x [N, H, W, C], dy [N, OH, OW, C] → dw
// [parts, K·K, C]. An invocation sums all taps of a channel over TW columns of dy and `images` images, line by line of
// x (lib/square.wgsl); the parts, ceil(N / images)·ceil(OW / TW), are summed afterwards in a fixed order. Dispatched
// over ceil(parts·C / 64).
// @variant K = 3, 5, 7
// @variant S = 1, 2
// @variant T = f32, f16
// @include lib/square.wgsl
// @include lib/index.wgsl
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
const OPEN = (K + S - 1u) / S; // lines of dy that a line of x meets
const SEEN = (TW - 1u) * S + K;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let id = workgroup_linear(wid, nwg) * 64u + lid;
  let strips = (u32(params.OW) + TW - 1u) / TW;
  let part = id / params.C;
  let begin = part / strips * params.images;
  if (begin >= params.N) { return; }
  let c = id % params.C;
  let first = i32(part % strips * TW);
  let left = first * i32(S) - i32(P);
  var sums: array<f32, K * K>;
  for (var n = begin; n < min(begin + params.images, params.N); n++) {
    var above = array<f32, OPEN * TW>(); // line oy - m of dy from m·TW on
    for (var oy = 0; oy < params.OH + i32(OPEN) - 1; oy++) {
      @unroll for (var i = 0u; i < (OPEN - 1u) * TW; i++) {
        above[OPEN * TW - 1u - i] = above[(OPEN - 1u) * TW - 1u - i];
      }
      let line_of_dy = (n * u32(params.OH) + u32(min(oy, params.OH - 1))) * u32(params.OW) * params.C + c;
      let columns = select(0, params.OW, oy < params.OH);
      @unroll for (var i = 0u; i < TW; i++) {
        above[i] = within(f32(dy[place(line_of_dy, first + i32(i), params.OW)]), first + i32(i), columns);
      }
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
              @unroll for (var kx = 0u; kx < K; kx++) {
                var line = 0.0; // line by line: long sums lose less
                @unroll for (var i = 0u; i < TW; i++) { line += seen[i * S + kx] * above[m * TW + i]; }
                sums[min(m * S + s, K - 1u) * K + kx] += line;
              }
            }
          }
        }
      }
    }
  }
  @unroll for (var i = 0u; i < K * K; i++) { dw[(part * K * K + i) * params.C + c] = sums[i]; }
}
