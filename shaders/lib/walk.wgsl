// Walking along the pixels of a convolution's result without dividing: where the window of a pixel begins in x, when
// there is no padding. lib/conv.wgsl must be included too.
struct Window { y: i32, x: i32, place: i32 } // line, column; that of its first number in x, `width` of them a pixel

fn window_of(pixel: i32, width: i32) -> Window {
  let y = pixel / params.OW % params.OH * params.SH;
  let x = pixel % params.OW * params.SW;
  let image = pixel / (params.OW * params.OH) * params.H;
  return Window(y, x, ((image + y) * params.W + x) * width);
}

// The window of the pixel so many pixels further.
fn onward(here: Window, pixels: i32, width: i32) -> Window {
  let columns = pixels % params.OW * params.SW;
  let lines = pixels / params.OW % params.OH * params.SH;
  let images = pixels / (params.OW * params.OH) * params.H;
  var to = Window(here.y + lines, here.x + columns, here.place + ((images + lines) * params.W + columns) * width);
  if (to.x >= params.OW * params.SW) {
    to.x -= params.OW * params.SW;
    to.y += params.SH;
    to.place += (params.SH * params.W - params.OW * params.SW) * width;
  }
  if (to.y >= params.OH * params.SH) {
    to.y -= params.OH * params.SH;
    to.place += (params.H - params.OH * params.SH) * params.W * width;
  }
  return to;
}
