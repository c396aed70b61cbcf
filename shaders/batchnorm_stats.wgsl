// First stage of batch statistics: x [rows, channels] → parts [chunks, 2, channels], the mean and the sum of squared
// deviations of each channel over one chunk of rows, in distances from the channel's first value: a mean of 1e4 with a
// deviation of 1 loses nothing (shifted data, Chan, Golub & LeVeque 1983). One invocation a (channel, chunk), lanes
// along channels; dispatched over [ceil(channels / 64), chunks].
// @variant T = f32, f16
struct Params { rows: u32, channels: u32, rows_per_chunk: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> parts: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let c = wid.x * 64u + lid;
  if (c >= params.channels) { return; }
  let first = wid.y * params.rows_per_chunk;
  let end = min(first + params.rows_per_chunk, params.rows);
  let shift = f32(x[c]);
  var s0 = 0.0;
  var s1 = 0.0;
  var q0 = 0.0;
  var q1 = 0.0;
  var row = first;
  for (; row + 1u < end; row += 2u) {
    let a = f32(x[row * params.channels + c]) - shift;
    let b = f32(x[(row + 1u) * params.channels + c]) - shift;
    s0 += a;
    q0 += a * a;
    s1 += b;
    q1 += b * b;
  }
  if (row < end) {
    let a = f32(x[row * params.channels + c]) - shift;
    s0 += a;
    q0 += a * a;
  }
  let n = f32(end - first);
  let delta = (s0 + s1) / n;
  let at = wid.y * 2u * params.channels + c;
  parts[at] = delta;
  parts[at + params.channels] = max((q0 + q1) - n * delta * delta, 0.0);
}
