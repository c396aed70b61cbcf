// The pixels of a convolution's input by phases, those with the same remainders y mod SH and x mod SW: they meet the
// same taps. lib/conv.wgsl must be included too.
struct Phase { group: u32, y: i32, x: i32, QH: i32, QW: i32, pixels: i32 }

// The phase of a workgroup whose z counts groups and phases.
fn phase_of(z: u32) -> Phase {
  let phases = params.SH * params.SW;
  let phase = i32(z) % phases;
  let QH = (params.H + params.SH - 1) / params.SH;
  let QW = (params.W + params.SW - 1) / params.SW;
  return Phase(z / u32(phases), phase / params.SW, phase % params.SW, QH, QW, i32(params.N) * QH * QW);
}

// Line and column of dy, less those of the pixel in its phase, that a tap leads to; z is 0 where it leads between two
// pixels: oy = (iy + PH - ky·DH) / SH must be whole.
fn led_to(phase: Phase, tap: u32) -> vec3<i32> {
  let sy = phase.y + params.PH - i32(tap / params.KW) * params.DH;
  let sx = phase.x + params.PW - i32(tap % params.KW) * params.DW;
  let by = sy / params.SH;
  let bx = sx / params.SW;
  return vec3<i32>(by, bx, select(0, 1, by * params.SH == sy && bx * params.SW == sx));
}

// The place in dx of channel 0 of a group at a pixel of the phase, -1 outside of the image.
fn place_in_image(phase: Phase, pixel: i32) -> i32 {
  let ix = pixel % phase.QW * params.SW + phase.x;
  let iy = pixel / phase.QW % phase.QH * params.SH + phase.y;
  let n = pixel / (phase.QW * phase.QH);
  if (pixel >= phase.pixels || iy >= params.H || ix >= params.W) { return -1; }
  return ((n * params.H + iy) * params.W + ix) * i32(params.G * params.CG) + i32(phase.group * params.CG);
}
