// lib/epilogue.wgsl for kernels that work on four values at a time.
alias Value = vec4<f32>;
alias Stored = vec4<T>;

fn activated(v: vec4<f32>) -> vec4<f32> {
  return activation(v);
}
