// Gradient of a depthwise convolution for its weight: x [N, H, W, G], dy [N, OH, OW, G·OG] → dw [splits, KH·KW, G·OG].
// An invocation sums one weight over k_per_split of the N·OH lines, lanes along channels; the parts are summed
// afterwards in a fixed order. Dispatched over ceil(splits·KH·KW·G·OG / 64).
// @variant T = f32, f16
// @include lib/conv.wgsl
// @include lib/index.wgsl
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
  let taps = params.KH * params.KW;
  let split = id / CO / taps;
  if (split >= params.splits) { return; }
  let o = id % CO;
  let c = o / params.OG;
  let tap = i32(id / CO % taps);
  let down = tap / i32(params.KW) * params.DH - params.PH;
  let right = tap % i32(params.KW) * params.DW - params.PW;
  // Pixels of a line whose window covers this tap inside the image: begin · SW + right >= 0, (stop - 1) · SW + right <
  // W.
  let begin = max(0, (params.SW - 1 - right) / params.SW);
  let stop = min(params.OW, (params.W - right + params.SW - 1) / params.SW);
  let end = min((split + 1u) * params.k_per_split, params.N * u32(params.OH));
  var sum = 0.0;
  for (var line = split * params.k_per_split; line < end; line++) {
    let iy = i32(line) % params.OH * params.SH + down;
    if (iy < 0 || iy >= params.H) { continue; }
    let row = (i32(line) / params.OH * params.H + iy) * params.W + right;
    var part = 0.0; // line by line: long sums lose less
    for (var ox = begin; ox < stop; ox++) {
      part += f32(x[u32(row + ox * params.SW) * params.G + c]) * f32(dy[(line * u32(params.OW) + u32(ox)) * CO + o]);
    }
    sum += part;
  }
  dw[id] = sum;
}
