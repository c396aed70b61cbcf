// Second stage: parts [chunks, 2, channels] → dbias, dweight [channels] (Σ g, Σ g·x̂), in a fixed order: RUNS
// invocations a channel take a run of chunks each, and one of them adds what they found. A workgroup makes CHANNELS
// channels.
// @tile CHANNELS
// @variant RUNS = 1, 16
struct Params { channels: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
const CHANNELS = 16u;
const LANES = RUNS * CHANNELS;
var<workgroup> sums: array<f32, LANES>;
var<workgroup> products: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let channel = wid.x * CHANNELS + lid % CHANNELS;
  let c = min(channel, params.channels - 1u);
  let run = (params.chunks + RUNS - 1u) / RUNS;
  let first = lid / CHANNELS * run;
  var sum = 0.0;
  var product = 0.0;
  for (var k = first; k < min(first + run, params.chunks); k++) {
    let at = k * 2u * params.channels + c;
    sum += parts[at];
    product += parts[at + params.channels];
  }
  sums[lid] = sum;
  products[lid] = product;
  workgroupBarrier();
  if (lid >= CHANNELS || channel >= params.channels) { return; }
  for (var r = 1u; r < RUNS; r++) {
    sum += sums[r * CHANNELS + lid];
    product += products[r * CHANNELS + lid];
  }
  dbias[c] = sum;
  dweight[c] = product;
}
