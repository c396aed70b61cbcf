// Counter-based random numbers: the same key always gives the same four numbers, so nothing needs to be stored.
// pcg4d: Jarzynski & Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.
fn pcg4d(key: vec4<u32>) -> vec4<u32> {
  var v = key * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4<u32>(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

// Uniform on [0, 1) with 24 bits.
fn uniform01(v: vec4<u32>) -> vec4<f32> {
  return vec4<f32>(v >> vec4<u32>(8u)) * (1.0 / 16777216.0);
}
