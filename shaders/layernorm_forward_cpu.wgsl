// y = (h - mean)·rstd·weight + bias over each row of h = x, or of h = x + residual if there is one, which goes into
// `sum`. x, residual, sum, y [rows, cols] and weight, bias [cols] (1 and 0 where there are none) as vec4; stats [3,
// rows]: the mean as the sum of two numbers, rstd. One subgroup a row, `rows` workgroups: each lane keeps four
// running means, as distances from the row's first value, and squared deviations (Welford 1962), merged at the end of
// the row (Chan, Golub & LeVeque 1983), so that a row far from zero loses nothing.
// @variant T = f32, f16
// @variant SG = 4, 8
// @require subgroups
// @include lib/index.wgsl
// @include lib/moments.wgsl
struct Params { rows: u32, cols: u32, eps: f32, has_weight: u32, has_bias: u32, has_residual: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> residual: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> sum: array<vec4<T>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

// What is normalised, as it is stored.
fn input_at(at: u32) -> vec4<f32> {
  let h = vec4<f32>(x[at]);
  if (params.has_residual == 0u) { return h; }
  return vec4<f32>(vec4<T>(h + vec4<f32>(residual[at])));
}

struct Lane { means: vec4<f32>, squares: vec4<f32>, count: f32 }

// Of what this lane sees of a row, in units of 1/scale; the sum with the residual is stored on the way.
fn lane_of(lane: u32, base: u32, cols: u32, shift: f32, scale: f32) -> Lane {
  var found = Lane();
  for (var c = lane; c < cols; c += SG) {
    let h = input_at(base + c);
    if (params.has_residual != 0u) { sum[base + c] = vec4<T>(h); }
    found.count += 1.0;
    let distance = (h - shift) * scale;
    let delta = distance - found.means;
    found.means += delta * (1.0 / found.count); // one division, not four
    found.squares += delta * (distance - found.means);
  }
  return found;
}

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = workgroup_linear(wid, nwg);
  if (row >= params.rows) { return; }
  let cols = params.cols / 4u;
  let base = row * cols;
  let shift = input_at(base).x;
  var scale = 1.0;
  var found = lane_of(lane, base, cols, shift, scale);
  if (!all(found.squares < vec4<f32>(1e37))) { // squares of numbers beyond 1e18 leave f32: once more in a larger unit
    scale = SHRUNK;
    found = lane_of(lane, base, cols, shift, scale);
  }
  let means = found.means / scale;
  let mean = subgroupAdd(dot(means, vec4<f32>(found.count))) / f32(params.cols);
  let apart = means - mean;
  let small = apart * SHRUNK;
  let squares = found.squares / scale / scale + found.count * apart * apart;
  let shrunk = found.squares * (SHRUNK / scale) * (SHRUNK / scale) + found.count * small * small;
  let each = vec4<f32>(1.0);
  let rstd = rstd_from(subgroupAdd(dot(squares, each)), subgroupAdd(dot(shrunk, each)), f32(params.cols), params.eps);
  let whole = shift + mean;
  let rest = (shift - whole) + mean;
  for (var c = lane; c < cols; c += SG) {
    var h: vec4<f32>;
    if (params.has_residual != 0u) { h = vec4<f32>(sum[base + c]); } else { h = vec4<f32>(x[base + c]); }
    let v = (h - whole - rest) * rstd * select(vec4<f32>(1.0), weight[c], params.has_weight != 0u);
    y[base + c] = vec4<T>(v + select(vec4<f32>(0.0), bias[c], params.has_bias != 0u));
  }
  if (lane == 0u) {
    stats[row] = whole;
    stats[params.rows + row] = rest;
    stats[2u * params.rows + row] = rstd;
  }
}
