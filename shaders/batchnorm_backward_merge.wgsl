// Second stage: parts [chunks, 2, channels] → dbias, dweight [channels] (Σ g, Σ g·x̂), in a fixed order: RUNS
// invocations a channel take a run of chunks each, four at a time, and what they found is added in pairs. A workgroup
// makes CHANNELS channels.
// @tile CHANNELS
// @variant RUNS CHANNELS = 1 16, 64 4
struct Params { channels: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
const LANES = RUNS * CHANNELS;
var<workgroup> sums: array<f32, LANES>;
var<workgroup> products: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let channel = wid.x * CHANNELS + lid % CHANNELS;
  let c = min(channel, params.channels - 1u);
  let run = (params.chunks + RUNS - 1u) / RUNS;
  let first = lid / CHANNELS * run;
  let end = min(first + run, params.chunks);
  var sum = 0.0;
  var product = 0.0;
  for (var k = first; k < end; k += 4u) {
    var both: array<vec2<f32>, 4>;
    @unroll for (var u = 0u; u < 4u; u++) {
      let at = min(k + u, end - 1u) * 2u * params.channels + c;
      both[u] = select(vec2<f32>(), vec2<f32>(parts[at], parts[at + params.channels]), k + u < end);
    }
    @unroll for (var u = 0u; u < 4u; u++) {
      sum += both[u].x;
      product += both[u].y;
    }
  }
  sums[lid] = sum;
  products[lid] = product;
  workgroupBarrier();
  for (var apart = LANES / 2u; apart >= CHANNELS; apart /= 2u) {
    if (lid < apart) {
      sums[lid] += sums[lid + apart];
      products[lid] += products[lid + apart];
    }
    workgroupBarrier();
  }
  if (lid >= CHANNELS || channel >= params.channels) { return; }
  dbias[c] = sums[lid];
  dweight[c] = products[lid];
}
