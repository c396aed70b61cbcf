// lib/epilogue.wgsl for kernels that work on one value at a time.
alias Value = f32;
alias Stored = T;

fn activated(v: f32) -> f32 {
  return activation(vec4<f32>(v)).x;
}
