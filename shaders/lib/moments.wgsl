// Mean and spread of several values, and of two lots of them together (Chan, Golub & LeVeque 1983); what is left of
// squares of numbers beyond 1e18, which leave f32.

// Times this, numbers whose squares leave f32 have squares that do not.
const SHRUNK = 0x1p-66;

struct Moments { count: f32, mean: f32, root: f32 } // root of the sum of squared deviations

// √(a² + b² + c²) for numbers that are not negative, also where the squares leave f32.
fn length_of(a: f32, b: f32, c: f32) -> f32 {
  let scale = select(1.0, SHRUNK, max(max(a, b), c) > 1e18);
  let v = vec3<f32>(a, b, c) * scale;
  return sqrt(dot(v, v)) / scale;
}

// One of the two has a value at least.
fn together(a: Moments, b: Moments) -> Moments {
  let total = a.count + b.count;
  let delta = b.mean - a.mean;
  let apart = abs(delta) * sqrt(a.count * b.count / total);
  return Moments(total, a.mean + delta * (b.count / total), length_of(a.root, b.root, apart));
}

// 1 / √(variance + eps); where the variance is beyond f32, eps counts nothing.
fn rstd_of(m: Moments, eps: f32) -> f32 {
  let deviation = m.root / sqrt(m.count);
  let rstd = 1.0 / sqrt(deviation * deviation + eps);
  return select(rstd, 1.0 / deviation, deviation > 1e18);
}

// 1 / √(variance + eps) from the sum of `count` squared deviations and the same of deviations · SHRUNK.
fn rstd_from(squares: f32, shrunk: f32, count: f32, eps: f32) -> f32 {
  let rstd = 1.0 / sqrt(squares / count + eps);
  return select(SHRUNK / sqrt(shrunk / count), rstd, squares < 1e37);
}
