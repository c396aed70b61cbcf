// Losses of an input x and a target t, element by element, and their derivatives by either. To add one: its name in
// the list, a case in both functions, a function in src/ops/losses.ts. a and b are numbers that some take; `positive`
// is the weight of bceWithLogits' positive class.
// @enum LOSS = mse, l1, smoothL1, huber, bceWithLogits, klDiv, klDivLog, sigmoidFocal
// @include lib/nan.wgsl
// @include lib/math.wgsl
// @include lib/log1p.wgsl
// @include lib/power.wgsl
struct Params { n: u32, period: u32, has_positive: u32, a: f32, b: f32 }
override LOSS: u32;

// Those of the positive class for the elements of vec4 i, from the kernel's `positive` [period], repeated; else 1.
fn weights(i: u32) -> vec4<f32> {
  if (params.has_positive == 0u) { return vec4<f32>(1.0); }
  let at = (vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u)) % params.period;
  return vec4<f32>(positive[at.x], positive[at.y], positive[at.z], positive[at.w]);
}

fn powers(x: vec4<f32>, b: f32) -> vec4<f32> {
  return vec4<f32>(power(x.x, b), power(x.y, b), power(x.z, b), power(x.w, b));
}

// -t·log σ(x) - (1 - t)·log σ(-x), whose terms do not cancel.
fn cross_entropy(x: vec4<f32>, t: vec4<f32>, positive: vec4<f32>) -> vec4<f32> {
  return positive * t * softplus(-x) + (1.0 - t) * softplus(x);
}

// Focal loss (Lin et al. 2017): weight of the class, how far the probability is from the target, and its weight.
fn class_weight(t: vec4<f32>) -> vec4<f32> {
  return select(vec4<f32>(1.0), params.a * t + (1.0 - params.a) * (1.0 - t), params.a >= 0.0);
}

fn missed(x: vec4<f32>, t: vec4<f32>) -> vec4<f32> {
  return sigmoid(x) * (1.0 - t) + sigmoid(-x) * t;
}

fn loss(x: vec4<f32>, t: vec4<f32>, positive: vec4<f32>) -> vec4<f32> {
  let d = abs(x - t);
  switch (LOSS) {
    case LOSS_MSE: { return d * d; }
    case LOSS_L1: { return d; }
    case LOSS_SMOOTHL1: { // a: beta
      return select(d - 0.5 * params.a, 0.5 * d * d / params.a, d < vec4<f32>(params.a));
    }
    case LOSS_HUBER: { // a: delta
      return select(0.5 * d * d, params.a * (d - 0.5 * params.a), d > vec4<f32>(params.a));
    }
    case LOSS_BCEWITHLOGITS: { return cross_entropy(x, t, positive); }
    case LOSS_KLDIV: { return select(t * precise_log(t), vec4<f32>(0.0), t == vec4<f32>(0.0)) - t * x; }
    case LOSS_KLDIVLOG: { return precise_exp(t) * (t - x); }
    case LOSS_SIGMOIDFOCAL: { // a: alpha, b: gamma
      return class_weight(t) * cross_entropy(x, t, vec4<f32>(1.0)) * powers(missed(x, t), params.b);
    }
    default: { return vec4<f32>(nan()); }
  }
}

// The derivative by x, or by t unless `of_input`.
fn slope(x: vec4<f32>, t: vec4<f32>, positive: vec4<f32>, of_input: bool) -> vec4<f32> {
  let d = x - t;
  let side = select(-1.0, 1.0, of_input);
  let is_far = abs(d) >= vec4<f32>(params.a);
  switch (LOSS) {
    case LOSS_MSE: { return side * 2.0 * d; }
    case LOSS_L1: { return side * sign(d); }
    case LOSS_SMOOTHL1: { return side * select(d / params.a, sign(d), is_far); }
    case LOSS_HUBER: { return side * select(d, params.a * sign(d), is_far); }
    case LOSS_BCEWITHLOGITS: {
      if (of_input) { return (1.0 - t) * sigmoid(x) - positive * t * sigmoid(-x); }
      return positive * softplus(-x) - softplus(x);
    }
    case LOSS_KLDIV: {
      if (of_input) { return -t; }
      return precise_log(t) + 1.0 - x;
    }
    case LOSS_KLDIVLOG: {
      if (of_input) { return -precise_exp(t); }
      return precise_exp(t) * (t - x + 1.0);
    }
    case LOSS_SIGMOIDFOCAL: {
      let p = sigmoid(x);
      let entropy = cross_entropy(x, t, vec4<f32>(1.0));
      let m = missed(x, t);
      let share = powers(m, params.b);
      var steepness = vec4<f32>(0.0); // of share, in m
      if (params.b != 0.0) { steepness = params.b * powers(m, params.b - 1.0); }
      if (of_input) {
        return class_weight(t) * ((p - t) * share + entropy * steepness * (1.0 - 2.0 * t) * p * sigmoid(-x));
      }
      let of_weight = select(0.0, 2.0 * params.a - 1.0, params.a >= 0.0);
      return of_weight * entropy * share + class_weight(t) * (entropy * steepness * (1.0 - 2.0 * p) - x * share);
    }
    default: { return vec4<f32>(nan()); }
  }
}
