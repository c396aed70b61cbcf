// Order of numbers with NaN at one end. The kernel has the overrides LARGEST and NAN_FIRST. Needs lib/math.wgsl.

// Larger for better values, which are the larger ones, or the smaller unless LARGEST; NaN is the best if NAN_FIRST,
// else the worst. By their bits, so that no compiler decides about NaN. 0 and -0 are equal.
fn rank(v: f32) -> u32 {
  if (is_nan1(v)) { return select(0u, 0xffffffffu, NAN_FIRST); }
  var bits = bitcast<u32>(v);
  if (bits == 0x80000000u) { bits = 0u; }
  let ascending = select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
  return select(~ascending, ascending, LARGEST);
}
