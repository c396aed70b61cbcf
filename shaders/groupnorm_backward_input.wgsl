// dx = rstd·(g - mean of g - x̂ · mean of g·x̂) with g = dy·weight and x̂ = (x - mean)·rstd, the means over the pixels
// and channels of a group of one image. x, dy, dx [sets · rows, channels], a set an image; weight [channels] (1 where
// there is none); stats [3, sets · channels] of groupnorm_merge.wgsl; means [sets · groups, 2] of
// groupnorm_backward_merge.wgsl. One invocation a (channel, chunk of rows), lanes along channels; dispatched over
// [ceil(channels / 64), chunks of all sets].
// @variant T = f32, f16
// @include lib/chunk.wgsl
struct Params { sets: u32, rows: u32, channels: u32, groups: u32, chunks: u32, rows_per_chunk: u32, has_weight: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> means: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> dx: array<T>;
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
  let rstd = stats[2u * params.sets * params.channels + stat];
  let of_group = means[chunk.of_set * params.groups + c / (params.channels / params.groups)];
  let from_deviation = of_group.y * rstd;
  var scale = 1.0;
  if (params.has_weight != 0u) { scale = weight[c]; }
  for (var row = chunk.first; row < chunk.end; row++) {
    let at = row * params.channels + c;
    dx[at] = T(rstd * (f32(dy[at]) * scale - of_group.x - (f32(x[at]) - base - mean) * from_deviation));
  }
}
