// The two products of tiled attention, for one workgroup of 8 invocations across and 32 / ROWS down: across = lid % 8,
// down = lid / 8. An invocation has ROWS own rows: with two instead of four it takes half of the registers, and half
// as many reads of workgroup memory again for a multiply-add. Tiles have 32 rows of 8 vec4, padded by one
// against bank conflicts.
// @variant ROWS = 4, 2
alias Quad = array<vec4<f32>, ROWS>;
const THREADS = 256u / ROWS; // of 256 vec4 in a tile each invocation loads as many as it has rows
const CHUNK = 32u; // floats of a row that are in a tile
const PITCH = CHUNK / 4u + 1u;
var<workgroup> left: array<vec4<f32>, 32 * PITCH>;   // a chunk of 32 floats of the rows that this workgroup owns
var<workgroup> right: array<vec4<f32>, 32 * PITCH>;  // a chunk of the rows it walks over
// [own row][slot]: what own rows give to walked rows slot, slot+8, slot+16, slot+24
var<workgroup> weights: array<vec4<f32>, 32 * PITCH>;

// scores[i][j] += left row (ROWS·down + i) · right row (across + 8·j).
fn scores_of(before: Quad, lid: u32) -> Quad {
  var scores = before;
  let a = lid / 8u * ROWS * PITCH;
  let b = lid % 8u * PITCH;
  for (var c = 0u; c < 8u; c++) {
    let r0 = right[b + c];
    let r1 = right[b + 8u * PITCH + c];
    let r2 = right[b + 16u * PITCH + c];
    let r3 = right[b + 24u * PITCH + c];
    @unroll for (var i = 0u; i < ROWS; i++) {
      let own = left[a + i * PITCH + c];
      scores[i] += vec4<f32>(dot(own, r0), dot(own, r1), dot(own, r2), dot(own, r3));
    }
  }
  return scores;
}

// sum[i] += Σ over walked rows of the weight of own row (ROWS·down + i) times columns 4·across … of the right tile.
fn weighted(before: Quad, lid: u32) -> Quad {
  var sum = before;
  let a = lid / 8u * ROWS * PITCH;
  let b = lid % 8u;
  for (var slot = 0u; slot < 8u; slot++) {
    let r0 = right[slot * PITCH + b];
    let r1 = right[(slot + 8u) * PITCH + b];
    let r2 = right[(slot + 16u) * PITCH + b];
    let r3 = right[(slot + 24u) * PITCH + b];
    @unroll for (var i = 0u; i < ROWS; i++) {
      let w = weights[a + i * PITCH + slot];
      sum[i] += w.x * r0 + w.y * r1 + w.z * r2 + w.w * r3;
    }
  }
  return sum;
}
