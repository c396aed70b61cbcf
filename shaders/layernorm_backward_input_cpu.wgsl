// dx = rstd·(g - (Σg + x̂·Σg·x̂) / cols) with g = dy·weight and x̂ = (x - mean)·rstd over each row, + dsum if there is
// one. x, dy, dsum, dx [rows, cols] and weight [cols] (1 where there is none) as vec4; stats [3, rows]. One subgroup a
// row, `rows` workgroups.
// @variant T = f32, f16
// @variant SG = 4, 8
// @require subgroups
// @include lib/index.wgsl
struct Params { rows: u32, cols: u32, has_weight: u32, has_dsum: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<T>>;
@group(0) @binding(2) var<storage, read> dsum: array<vec4<T>>;
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> stats: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<T>>;
@group(0) @binding(6) var<uniform> params: Params;

fn upstream(at: u32, c: u32) -> vec4<f32> {
  return vec4<f32>(dy[at]) * select(vec4<f32>(1.0), weight[c], params.has_weight != 0u);
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
  let mean = stats[row];
  let rest = stats[params.rows + row];
  let rstd = stats[2u * params.rows + row];
  var sums = vec4<f32>(0.0);
  var products = vec4<f32>(0.0);
  for (var c = lane; c < cols; c += SG) {
    let g = upstream(base + c, c);
    sums += g;
    products += g * (vec4<f32>(x[base + c]) - mean - rest);
  }
  let from_mean = subgroupAdd(dot(sums, vec4<f32>(1.0))) / f32(params.cols);
  let from_deviation = subgroupAdd(dot(products, vec4<f32>(1.0))) * rstd * rstd / f32(params.cols);
  for (var c = lane; c < cols; c += SG) {
    var v = rstd * (upstream(base + c, c) - from_mean - (vec4<f32>(x[base + c]) - mean - rest) * from_deviation);
    if (params.has_dsum != 0u) { v += vec4<f32>(dsum[base + c]); }
    dx[base + c] = vec4<T>(v);
  }
}
