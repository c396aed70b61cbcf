// Where a resized image's pixels come from, along one axis. MODE nearest: floor(o · scale), in f32 as PyTorch has it.
// bilinear: between two places, (o · by + plus) / over in whole numbers, so that shares are exact on large images,
// too.
// @enum MODE = nearest, bilinear
// @include lib/nan.wgsl
struct Params {
  H: i32, W: i32, C: u32, OH: i32, OW: i32, pixels: u32, scale_h: f32, scale_w: f32, by_h: i32, by_w: i32, plus_h: i32,
  plus_w: i32, over_h: i32, over_w: i32,
}
override MODE: u32;

struct Axis { size: i32, outs: i32, scale: f32, by: i32, plus: i32, over: i32 }
struct Source { first: i32, next: i32, share: f32 } // (1 - share) of the first and share of the next

fn source_of(o: i32, axis: Axis) -> Source {
  switch (MODE) {
    case MODE_NEAREST: {
      let i = min(i32(floor(f32(o) * axis.scale)), axis.size - 1);
      return Source(i, i, 0.0);
    }
    case MODE_BILINEAR: {
      let at = max(o * axis.by + axis.plus, 0);
      let first = min(at / axis.over, axis.size - 1);
      return Source(first, min(first + 1, axis.size - 1), f32(at % axis.over) / f32(axis.over));
    }
    default: { return Source(0, 0, nan()); }
  }
}

fn vertical() -> Axis {
  return Axis(params.H, params.OH, params.scale_h, params.by_h, params.plus_h, params.over_h);
}

fn horizontal() -> Axis {
  return Axis(params.W, params.OW, params.scale_w, params.by_w, params.plus_w, params.over_w);
}
