// What the passes of attention by matrix units share. A workgroup owns 32 rows of a head, queries or keys, and walks
// over 32 of the others at a time; rows of up to 64 floats, zeros behind them. Its subgroups, of LANES, lie over each
// product as ACROSS×ACROSS parts: an S×S matrix each of the scores, two side by side of the sums. `left` holds own rows
// and, from WEIGHTS on, what they give to walked ones; `right` walked rows, or their columns as lines; `given` takes
// results, of which an invocation looks at two runs of 4 of a row, `run` of them 16 apart.
// @variant S E LANES ACROSS PIN = 16 f16 32 2 0, 16 f16 32 2 1, 8 f16 8 4 0
// @shape T, S, depth, causal
// @require subgroups
// @require chromium-experimental-subgroup-matrix
const THREADS = 128u;
const ROWS = 32u;
const DEPTH = 64u;
const DEEP = DEPTH + 8u; // floats from row to row, padded: matrices must begin at multiples of 16 bytes
const LONG = ROWS + 8u; // from one line of weights or of columns to the next
const WEIGHTS = ROWS * DEEP;
const LEFT_SIZE = WEIGHTS + ROWS * LONG;
const RIGHT_SIZE = DEPTH * LONG;
const GIVEN = ROWS * ROWS;
const PART = DEPTH / ACROSS; // columns of the sums that a subgroup has
const UNIT = 64.0; // probabilities times this are what matrices hold, as small ones would lose digits in f16
alias Sums = array<subgroup_matrix_result<f32, S, S>, 2>;
alias Block = array<vec4<E>, 4>;
var<workgroup> left: array<E, LEFT_SIZE>;
var<workgroup> right: array<E, RIGHT_SIZE>;
var<workgroup> given: array<f32, GIVEN>; // [own row, walked row], or half of the sums' columns

fn query_at(base: u32, token: u32, c: u32) -> vec4<E> {
  let ok = token < params.T && c < params.depth;
  return select(vec4<E>(), q[select(0u, base + token * params.q_token + c, ok)], ok);
}

fn key_at(base: u32, token: u32, c: u32) -> vec4<E> {
  let ok = token < params.S && c < params.depth;
  return select(vec4<E>(), vec4<E>(key_part(select(0u, base + token * params.k_token + c, ok))), ok);
}

fn value_at(base: u32, token: u32, c: u32) -> vec4<E> {
  let ok = token < params.S && c < params.depth;
  return select(vec4<E>(), vec4<E>(value_part(select(0u, base + token * params.k_token + c, ok))), ok);
}

// Puts the keys from `start` on where rows are walked over.
fn walk_keys(base: u32, start: u32, lid: u32) {
  @unroll for (var i = 0u; i < 4u; i++) {
    let line = lid / 16u + 8u * i;
    put_walked(line, lid % 16u, key_at(base, start + line, lid % 16u));
  }
}

fn put_own(row: u32, c: u32, v: vec4<E>) {
  @unroll for (var i = 0u; i < 4u; i++) { left[row * DEEP + 4u * c + i] = v[i]; }
}

fn put_walked(row: u32, c: u32, v: vec4<E>) {
  @unroll for (var i = 0u; i < 4u; i++) { right[row * DEEP + 4u * c + i] = v[i]; }
}

// Four walked rows' columns 4·c …, as lines.
fn put_columns(row: u32, c: u32, b: Block) {
  @unroll for (var i = 0u; i < 4u; i++) {
    @unroll for (var r = 0u; r < 4u; r++) { right[(4u * c + i) * LONG + row + r] = b[r][i]; }
  }
}

fn put_weights(row: u32, column: u32, v: vec4<f32>) {
  @unroll for (var i = 0u; i < 4u; i++) { left[WEIGHTS + row * LONG + column + i] = E(v[i]); }
}

fn given_at(row: u32, column: u32) -> vec4<f32> {
  let at = row * ROWS + column;
  return vec4<f32>(given[at], given[at + 1u], given[at + 2u], given[at + 3u]);
}

// The sum of what the four invocations of a row have; all of the workgroup call it.
fn sum_of_row(own: f32, lid: u32) -> f32 {
  workgroupBarrier();
  given[lid] = own;
  workgroupBarrier();
  let v = given_at(0u, lid / 4u * 4u);
  workgroupBarrier();
  return v.x + v.y + v.z + v.w;
}

// given = own rows · walked rows, once all have put theirs; all of the workgroup call it.
fn scores(subgroup: u32) {
  workgroupBarrier();
  let row = subgroup / ACROSS * S;
  let column = subgroup % ACROSS * S;
  var sum: subgroup_matrix_result<f32, S, S>;
  @unroll for (var k = 0u; k < DEPTH / S; k++) {
    let a = subgroupMatrixLoad<subgroup_matrix_left<E, S, S>, row_major>(&left, row * DEEP + k * S, DEEP);
    let b = subgroupMatrixLoad<subgroup_matrix_right<E, S, S>, col_major>(&right, column * DEEP + k * S, DEEP);
    sum = subgroupMatrixMultiplyAccumulate(a, b, sum);
  }
  subgroupMatrixStore<row_major>(&given, row * ROWS + column, sum, ROWS);
  workgroupBarrier();
}

// sums += weights · walked rows, which stand in `right` by columns; all of the workgroup call it.
fn add_weighted(sums: ptr<function, Sums>, subgroup: u32) {
  workgroupBarrier();
  let row = subgroup / ACROSS * S;
  let column = subgroup % ACROSS * PART;
  @unroll for (var k = 0u; k < ROWS / S; k++) {
    let weights = WEIGHTS + row * LONG + k * S;
    let a = subgroupMatrixLoad<subgroup_matrix_left<E, S, S>, row_major>(&left, weights, LONG);
    @unroll for (var j = 0u; j < 2u; j++) {
      let at = (column + j * S) * LONG + k * S;
      let b = subgroupMatrixLoad<subgroup_matrix_right<E, S, S>, col_major>(&right, at, LONG);
      (*sums)[j] = subgroupMatrixMultiplyAccumulate(a, b, (*sums)[j]);
    }
  }
  workgroupBarrier();
}

// Hands back the sums' matrices of number j: column c of `given` is column_of(j, c) of them.
fn hand_back(sums: ptr<function, Sums>, j: u32, subgroup: u32) {
  let at = subgroup / ACROSS * S * ROWS + subgroup % ACROSS * S;
  workgroupBarrier();
  if (j == 0u) { subgroupMatrixStore<row_major>(&given, at, (*sums)[0], ROWS); }
  else { subgroupMatrixStore<row_major>(&given, at, (*sums)[1], ROWS); }
  workgroupBarrier();
}

fn column_of(j: u32, c: u32) -> u32 {
  return c / S * PART + j * S + c % S;
}
