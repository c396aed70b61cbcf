// Winograd's transforms of one line for a kernel of 3 (Lavin & Gray 2016): TILE outputs from TILE + 2 inputs by as many
// products, as y = Aᵀ((G·g) ⊙ (Bᵀ·d)). TILE 2 interpolates at 0, ±1 and infinity: exact on small integers. TILE 4 at 0,
// ±5/8, ±3/2 and infinity: these lose half as many digits as the usual 0, ±1, ±2. Lines hold 6 values; what TILE 2 does
// not need is not computed. One channel an invocation: vec4 are no faster on software adapters and take four times as
// long to compile.
alias Line = array<f32, 6>;
const P = TILE + 2u;
const POINTS = P * P;
const A1 = 0.625;
const A2 = A1 * A1;
const A3 = A2 * A1;
const B1 = 1.5;
const B2 = B1 * B1;
const B3 = B2 * B1;
const NONE = 0.0;
// 1 / Π of a point's distances from the others: at 0, ±A, ±B.
const N0 = 1.0 / (A2 * B2);
const NA = 0.5 / (A2 * (A2 - B2));
const NB = 0.5 / (B2 * (B2 - A2));

// Bᵀ·d.
fn input_line(d: Line) -> Line {
  if (TILE == 2u) { return Line(d[0] - d[2], d[1] + d[2], d[2] - d[1], d[3] - d[1], NONE, NONE); }
  let e = d[4] - B2 * d[2];
  let o = A1 * (d[3] - B2 * d[1]);
  let f = d[4] - A2 * d[2];
  let p = B1 * (d[3] - A2 * d[1]);
  let first = d[4] - (A2 + B2) * d[2] + A2 * B2 * d[0];
  return Line(first, e + o, e - o, f + p, f - p, d[5] - (A2 + B2) * d[3] + A2 * B2 * d[1]);
}

// Aᵀ·m.
fn output_line(m: Line) -> Line {
  let e = m[1] + m[2];
  let o = m[1] - m[2];
  if (TILE == 2u) { return Line(m[0] + e, o + m[3], NONE, NONE, NONE, NONE); }
  let f = m[3] + m[4];
  let p = m[3] - m[4];
  return Line(m[0] + e + f, A1 * o + B1 * p, A2 * e + B2 * f, A3 * o + B3 * p + m[5], NONE, NONE);
}

// A·dy, the adjoint of output_line.
fn output_adjoint_line(dy: Line) -> Line {
  if (TILE == 2u) { return Line(dy[0], dy[0] + dy[1], dy[0] - dy[1], dy[1], NONE, NONE); }
  let e = dy[0] + A2 * dy[2];
  let o = A1 * dy[1] + A3 * dy[3];
  let f = dy[0] + B2 * dy[2];
  let p = B1 * dy[1] + B3 * dy[3];
  return Line(dy[0], e + o, e - o, f + p, f - p, dy[3]);
}

// G·g.
fn weight_line(g: Line) -> Line {
  if (TILE == 2u) {
    let e = 0.5 * (g[0] + g[2]);
    let o = 0.5 * g[1];
    return Line(g[0], e + o, e - o, g[2], NONE, NONE);
  }
  let e = NA * g[0] + NA * A2 * g[2];
  let o = NA * A1 * g[1];
  let f = NB * g[0] + NB * B2 * g[2];
  let p = NB * B1 * g[1];
  return Line(N0 * g[0], e + o, e - o, f + p, f - p, g[2]);
}

// Gᵀ·u, the adjoint of weight_line.
fn weight_adjoint_line(u: Line) -> Line {
  let e = u[1] + u[2];
  let o = u[1] - u[2];
  if (TILE == 2u) { return Line(u[0] + 0.5 * e, 0.5 * o, 0.5 * e + u[3], NONE, NONE, NONE); }
  let f = u[3] + u[4];
  let p = u[3] - u[4];
  let last = NA * A2 * e + NB * B2 * f + u[5];
  return Line(N0 * u[0] + NA * e + NB * f, NA * A1 * o + NB * B1 * p, last, NONE, NONE, NONE);
}
