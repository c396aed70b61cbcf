// y = (x - mean)·rstd·weight + bias, then + residual if there is one, then max(0) if `relu`, NaN staying NaN. x,
// residual, y [sets · rows, channels]; stats [3, sets · channels]: the mean is the sum of the first two, then rstd;
// weight, bias [channels] (1 and 0 where there is none). One invocation a (channel, chunk of rows), lanes along
// channels; dispatched over [ceil(channels / 64), chunks of all sets].
// @variant T = f32, f16
// @include lib/chunk.wgsl
struct Params {
  sets: u32, rows: u32, channels: u32, chunks: u32, rows_per_chunk: u32, has_weight: u32, has_bias: u32,
  has_residual: u32, relu: u32,
}
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> stats: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<T>;
@group(0) @binding(5) var<storage, read_write> y: array<T>;
@group(0) @binding(6) var<uniform> params: Params;

fn rectified(v: f32) -> f32 {
  return select(v, 0.0, params.relu != 0u && v < 0.0);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let chunk = chunk_of(wid, nwg);
  if (c >= params.channels || chunk.of_set >= params.sets) { return; }
  let stat = chunk.of_set * params.channels + c;
  let base = stats[stat];
  let mean = stats[params.sets * params.channels + stat];
  var scale = stats[2u * params.sets * params.channels + stat];
  var shift = 0.0;
  if (params.has_weight != 0u) { scale *= weight[c]; }
  if (params.has_bias != 0u) { shift = bias[c]; }
  if (params.has_residual != 0u) {
    for (var row = chunk.first; row < chunk.end; row++) {
      let at = row * params.channels + c;
      y[at] = T(rectified((f32(x[at]) - base - mean) * scale + shift + f32(residual[at])));
    }
  } else {
    for (var row = chunk.first; row < chunk.end; row++) {
      let at = row * params.channels + c;
      y[at] = T(rectified((f32(x[at]) - base - mean) * scale + shift));
    }
  }
}
