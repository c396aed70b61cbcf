// First stage of the parameters' gradients: dbias = Σ dy and dweight = Σ dy·(x - mean)·rstd over one chunk of an
// image's pixels, each [images · chunks, channels] and optional; sum_forward.wgsl adds the chunks. x, dy [images,
// pixels, channels]; stats [3, images · groups] of groupnorm_forward.wgsl. One invocation a channel of a chunk,
// ceil(images · chunks · channels / 64) workgroups.
// @variant T = f32, f16
// @include lib/index.wgsl
struct Params {
  images: u32, groups: u32, pixels: u32, channels: u32, chunks: u32, rows_per_chunk: u32, has_dweight: u32,
  has_dbias: u32,
}
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read> dy: array<T>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(4) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let part = workgroup_linear(wid, nwg) * 64u + lid;
  if (part >= params.images * params.chunks * params.channels) { return; }
  let c = part % params.channels;
  let chunk = part / params.channels;
  let image = chunk / params.chunks;
  let first = chunk % params.chunks * params.rows_per_chunk;
  let end = min(first + params.rows_per_chunk, params.pixels);
  let rows = params.images * params.groups;
  let row = image * params.groups + c / (params.channels / params.groups);
  let mean = stats[row];
  let rest = stats[rows + row];
  var sum = 0.0;
  var product = 0.0;
  for (var pixel = first; pixel < end; pixel++) {
    let at = (image * params.pixels + pixel) * params.channels + c;
    let g = f32(dy[at]);
    sum += g;
    product += g * (f32(x[at]) - mean - rest);
  }
  if (params.has_dweight != 0u) { dweight[part] = product * stats[2u * rows + row]; }
  if (params.has_dbias != 0u) { dbias[part] = sum; }
}
