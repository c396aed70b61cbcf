// First stage of batch statistics: x [sets · rows, channels] → parts [sets · chunks, 2, channels] of each channel over
// one chunk of rows (lib/chunk.wgsl): the mean, as distance from the channel's first value in the set, and the root of
// the sum of squared deviations from it. Eight rows at a time by their own mean, merged with those before (Chan, Golub
// & LeVeque 1983): nothing cancels, where the data lie far from zero or the first value far from the others. One
// invocation a (channel, chunk), lanes along channels; dispatched over [ceil(channels / 64), chunks of all sets].
// @variant T = f32, f16
// @include lib/chunk.wgsl
struct Params { sets: u32, rows: u32, channels: u32, chunks: u32, rows_per_chunk: u32 }
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> parts: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

struct Moments { mean: f32, squares: f32 }

// Distance of a value from `shift`, in units of 1/scale.
fn distance_of(row: u32, c: u32, shift: f32, scale: f32) -> f32 {
  return (f32(x[row * params.channels + c]) - shift) * scale;
}

// The mean of these distances over rows first … end - 1 of channel c, and the squared deviations from it.
fn moments(first: u32, end: u32, c: u32, shift: f32, scale: f32) -> Moments {
  var mean = 0.0;
  var squares = 0.0;
  var count = 0.0;
  var row = first;
  for (; row + 7u < end; row += 8u) {
    var a: vec4<f32>;
    var b: vec4<f32>;
    @unroll for (var u = 0u; u < 4u; u++) {
      a[u] = distance_of(row + u, c, shift, scale);
      b[u] = distance_of(row + 4u + u, c, shift, scale);
    }
    let own = dot(a + b, vec4<f32>(0.125));
    a -= own;
    b -= own;
    let delta = own - mean;
    let share = 8.0 / (count + 8.0);
    mean += delta * share;
    squares += dot(a, a) + dot(b, b) + delta * share * count * delta;
    count += 8.0;
  }
  for (; row < end; row++) {
    let delta = distance_of(row, c, shift, scale) - mean;
    let share = 1.0 / (count + 1.0);
    mean += delta * share;
    squares += delta * share * count * delta;
    count += 1.0;
  }
  return Moments(mean, squares);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let c = wid.x * 64u + lid;
  let chunk = chunk_of(wid, nwg);
  if (c >= params.channels || chunk.of_set >= params.sets) { return; }
  let shift = f32(x[chunk.of_set * params.rows * params.channels + c]);
  var scale = 1.0;
  var found = moments(chunk.first, chunk.end, c, shift, scale);
  if (!(found.squares < 1e37)) { // squares of numbers beyond 1e18 leave f32: once more in a larger unit
    scale = 0x1p-66;
    found = moments(chunk.first, chunk.end, c, shift, scale);
  }
  let at = chunk.part * 2u * params.channels + c;
  parts[at] = found.mean / scale;
  parts[at + params.channels] = sqrt(found.squares) / scale;
}
