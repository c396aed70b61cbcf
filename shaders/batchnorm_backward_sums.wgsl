// First stage of the backward pass: parts [sets · chunks, 2, channels] = Σ g and Σ g·x̂ over one chunk of rows, with
// x̂ = (x - mean)·rstd and g = dy, 0 where y <= 0 if `relu`. x, y, dy [sets · rows, channels]; stats [3, sets ·
// channels] as in batchnorm_apply.wgsl. With `relu` g is also stored as dresidual, if that is bound. One invocation a
// (channel, chunk), lanes along channels; dispatched over [ceil(channels / 64), chunks of all sets].
// @variant T = f32, f16
// @include lib/chunk.wgsl
struct Params { sets: u32, rows: u32, channels: u32, chunks: u32, rows_per_chunk: u32, relu: u32, has_dresidual: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> y: array<T>;
@group(0) @binding(2) var<storage, read> dy: array<T>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read_write> parts: array<f32>;
@group(0) @binding(5) var<storage, read_write> dresidual: array<T>;
@group(0) @binding(6) var<uniform> params: Params;

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
  var sum = 0.0;
  var product = 0.0;
  if (params.relu != 0u) {
    for (var row = chunk.first; row < chunk.end; row++) {
      let at = row * params.channels + c;
      let g = select(f32(dy[at]), 0.0, f32(y[at]) <= 0.0);
      if (params.has_dresidual != 0u) { dresidual[at] = T(g); }
      sum += g;
      product += g * (f32(x[at]) - base - mean);
    }
  } else {
    for (var row = chunk.first; row < chunk.end; row++) {
      let at = row * params.channels + c;
      let g = f32(dy[at]);
      sum += g;
      product += g * (f32(x[at]) - base - mean);
    }
  }
  let at = chunk.part * 2u * params.channels + c;
  parts[at] = sum;
  parts[at + params.channels] = product * stats[2u * params.sets * params.channels + stat];
}
