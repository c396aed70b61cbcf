// loss [1] = Σ losses / Σ counted and scale [1] = 1 / Σ counted; losses, counted [rows]. One invocation: the rows are a
// batch.
struct Params { rows: u32 }
@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> counted: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> scale: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  var sum = 0.0;
  var weights = 0.0;
  for (var row = 0u; row < params.rows; row++) {
    sum += losses[row];
    weights += counted[row];
  }
  loss[0] = sum / weights;
  scale[0] = 1.0 / weights;
}
