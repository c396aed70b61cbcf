// Gradient of pad_forward.wgsl: dy [outer, padded, inner] → dx [outer, size, inner], dx[o, j, i] the sum of dy over
// the places that j was copied to, in a fixed order: its own, then those before, then those behind. One invocation an
// element of dx, ceil(outer · size · inner / 64) workgroups.
// @variant T = f32, f16
// @enum MODE = constant, reflect, replicate, circular
// @include lib/index.wgsl
// @include lib/nan.wgsl
struct Params { outer: u32, size: i32, inner: u32, padded: i32, before: i32 }
override MODE: u32;
@group(0) @binding(0) var<storage, read> dy: array<T>;
@group(0) @binding(1) var<storage, read_write> dx: array<T>;
@group(0) @binding(2) var<uniform> params: Params;

// Σ dy over places first … last of a line, those outside count nothing.
fn between(base: u32, first: i32, last: i32) -> f32 {
  var sum = 0.0;
  for (var j = max(first, 0); j <= min(last, params.padded - 1); j++) { sum += f32(dy[base + u32(j) * params.inner]); }
  return sum;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
  let at = workgroup_linear(wid, nwg) * 64u + lid;
  let size = u32(params.size);
  if (at >= params.outer * size * params.inner) { return; }
  let line = at / params.inner;
  let outer = line / size;
  let j = i32(line - outer * size);
  let end = params.size - 1;
  let own = j + params.before;
  let base = outer * u32(params.padded) * params.inner + at % params.inner;
  var sum = between(base, own, own);
  switch (MODE) {
    case MODE_CONSTANT: {}
    case MODE_REFLECT: {
      if (j > 0) { sum += between(base, own - 2 * j, own - 2 * j); }
      if (j < end) { sum += between(base, own + 2 * (end - j), own + 2 * (end - j)); }
    }
    case MODE_REPLICATE: {
      if (j == 0) { sum += between(base, 0, own - 1); }
      if (j == end) { sum += between(base, own + 1, params.padded - 1); }
    }
    case MODE_CIRCULAR: {
      sum += between(base, own - params.size, own - params.size);
      sum += between(base, own + params.size, own + params.size);
    }
    default: { sum = nan(); }
  }
  dx[at] = T(sum);
}
