// A value as a buffer of T holds it, for sums of what is stored. Compilers drop a conversion to f16 and back; a product
// with a 1 that they do not know they keep.
fn stored(v: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(vec4<T>(v) * T(min(params.N, 1u)));
}
