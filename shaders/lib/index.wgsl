// Index helpers.

// The number of this workgroup when the engine folded a one-dimensional dispatch into (x, y).
fn workgroup_linear(wid: vec3<u32>, nwg: vec3<u32>) -> u32 {
  return wid.y * nwg.x + wid.x;
}
