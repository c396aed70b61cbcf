// An operator in WGSL with its gradient: Swish with a slope, x · sigmoid(slope · x). docs/own-operators.md explains it.
import { type Tensor, defineOp, init, kernel, run, tensor } from 'radiograd'

const forward = kernel(
  `
  // @each 1
  // @include lib/index.wgsl
  struct Params { n: u32, slope: f32 }
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  @group(0) @binding(1) var<storage, read_write> y: array<f32>;
  @group(0) @binding(2) var<uniform> params: Params;
  @compute @workgroup_size(64)
  fn main(
    @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
    @builtin(local_invocation_index) lid: u32,
  ) {
    let i = workgroup_linear(wid, nwg) * 64u + lid;
    if (i < params.n) { y[i] = x[i] / (1.0 + exp(-params.slope * x[i])); }
  }`,
  { name: 'swish' },
)

const backward = kernel(
  `
  // @each 1
  // @include lib/index.wgsl
  struct Params { n: u32, slope: f32 }
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  @group(0) @binding(1) var<storage, read> dy: array<f32>;
  @group(0) @binding(2) var<storage, read_write> dx: array<f32>;
  @group(0) @binding(3) var<uniform> params: Params;
  @compute @workgroup_size(64)
  fn main(
    @builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
    @builtin(local_invocation_index) lid: u32,
  ) {
    let i = workgroup_linear(wid, nwg) * 64u + lid;
    if (i >= params.n) { return; }
    let s = 1.0 / (1.0 + exp(-params.slope * x[i]));
    dx[i] = dy[i] * (s + params.slope * x[i] * s * (1.0 - s));
  }`,
  { name: 'swish_backward' },
)

const op = defineOp({
  name: 'swish',
  saves: ['x'],
  shape: ({ x }: { x: Tensor }, _: { slope: number }) => ({ y: x.shape }),
  forward({ x }, { y }, { slope }) {
    run(forward, { x, y }, { n: x.size, slope }, { elements: x.size })
  },
  backward({ x }, { y: dy }, { x: dx }, { slope }) {
    if (dx) run(backward, { x, dy, dx }, { n: x.size, slope }, { elements: x.size })
  },
})

/** x · sigmoid(slope · x), any shape. */
const swish = (x: Tensor, slope = 1): Tensor => op({ x }, { slope }).y

const engine = await init()
const x = tensor([-2, -0.5, 0, 1, 3], undefined, { requiresGrad: true })
const y = swish(x, 1.5)
y.backward(tensor([1, 1, 1, 1, 1]))
console.log('value', await y.data(), 'gradient', await x.grad!.data())
engine.dispose()
