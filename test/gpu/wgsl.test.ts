// WGSL files as templates: what is read of them, how variants are written out, what the build refuses. And every shader
// against another reader of WGSL.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { StructInfo } from 'wgsl_reflect'
import { type Kernel, kernel } from '../../src/gpu/kernel.js'
import { expand, fixed, parse, placeOf } from '../../src/gpu/wgsl.js'
import * as shaders from '../../src/shaders.gen.js'
import { library } from '../../src/shaders.lib.gen.js'
import { everyKernel } from '../compile.js'
import { refused } from '../errors.js'

const test = suite('wgsl')
// Its entry for Node is empty, and this one has no types.
const { WgslReflect } = (await import('wgsl_reflect/wgsl_reflect.module.js' as string)) as typeof import('wgsl_reflect')
const root = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string) => readFileSync(join(root, file), 'utf8')

const SCALE = `// y = factor · x.
// @variant T = f32, f16
// @variant SG W = 4 1, 8 2 // lanes
// @require subgroups
// @each 4 * W
// @include lib/index.wgsl
struct Params { n: u32, factor: f32, /* told by
  the engine */ has_bias: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<T>>; // as it was
@group(0) @binding(1) var<storage> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;
@group(0) @binding(3) var<uniform> params: Params;
override TWICE: bool = false;
const SIDE = 2u * SG;

  @compute @workgroup_size(SIDE, 2)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  @unroll for (var i = 0u; i < W; i++) {
    let v = x[id.x + i];
    y[id.x + i] = v;
  }
  let last = 1;
}
`.replace(' // lanes', '')

test('what a file declares', () => {
  const template = parse('a/scale.wgsl', SCALE, library)
  assert.equal(
    template.bindings.map(({ name, access, element, width }) => [name, access, element, width]),
    [
      ['x', 'read', 'T', 4],
      ['bias', 'read', 'f32', 1],
      ['y', 'read_write', 'T', 4],
    ],
  )
  assert.equal(
    template.params.map(({ name, type }) => `${name}: ${type}`),
    ['n: u32', 'factor: f32', 'has_bias: u32'],
  )
  assert.equal(template.overrides, [{ name: 'TWICE', type: 'bool', optional: true }])
  assert.equal(template.requires, ['subgroups'])
  assert.is(template.variants.length, 4)
})

test('a variant, line by line', () => {
  const template = parse('a/scale.wgsl', SCALE, library)
  const [, half] = template.variants.filter((v) => v.SG === 8)
  const lines = expand(template, half).split('\n')
  const line = SCALE.split('\n').findIndex((text) => text.includes('@unroll'))
  assert.is(lines[0], 'enable subgroups; enable f16; ')
  assert.is(lines[line], '{ let v = x[id.x + 0u]; y[id.x + 0u] = v; }{ let v = x[id.x + 1u]; y[id.x + 1u] = v; }')
  assert.is(lines[line + 4], 'let last = 1;')
  assert.is(lines[lines.length - 2], 'alias T = f16; const SG = 8u; const W = 2u; ')
  const index = read('shaders/lib/index.wgsl').split('\n')
  const at = lines.findIndex((l) => l.startsWith('fn workgroup_linear(')) + 1
  assert.ok(at > 0)
  assert.is(placeOf(template, at), `shaders/lib/index.wgsl:${index.findIndex((l) => l.startsWith('fn ')) + 1}`)
  assert.is(placeOf(template, line + 1), `a/scale.wgsl:${line + 1}`)
})

test('mixed: every binding read_write, nothing else differs', () => {
  const template = parse('a/scale.wgsl', SCALE, library)
  const [plain, mixed] = [false, true].map((m) => expand(template, template.variants[0], m))
  assert.is(mixed.match(/<storage, read_write>/g)!.length, 3)
  assert.is(plain.match(/<storage, read>/g)!.length, 2)
  assert.is(mixed.replaceAll('read_write', 'read'), plain.replaceAll('read_write', 'read'))
})

test('variants follow from what is bound, and from one another', () => {
  const scale = kernel<never>('a/scale.wgsl', SCALE, Object.entries(library)) as Kernel
  const variant = scale.variant({ SG: 8 }, ['f16', 'f32', 'f16'])
  assert.is(variant.key, 'T=f16,SG=8,W=2')
  assert.is(scale.variant({ SG: 4 }, ['f32', undefined, undefined]).key, 'T=f32,SG=4,W=1')
  assert.is(scale.variant({ SG: 4 }, ['i32', undefined, undefined]).key, 'T=f32,SG=4,W=1', 'integers travel as f32')
  assert.equal(variant.features, ['subgroups', 'shader-f16'])
  refused(
    () => scale.variant({}, ['f32']),
    "scale: several variants with 'T=f32,SG=undefined,W=undefined', have T=f32,SG=4,W=1 T=f32,SG=8,W=2 T=f16,SG=4,W=1 T=f16,SG=8,W=2",
  )
  refused(
    () => scale.variant({ SG: 4, W: 2 }, ['f32']),
    "scale: no variant with 'T=f32,SG=4,W=2', have T=f32,SG=4,W=1 T=f32,SG=8,W=2 T=f16,SG=4,W=1 T=f16,SG=8,W=2",
  )
  assert.equal(variant.groups({ invocations: [33, 3] }), [3, 2])
  assert.is(variant.groups({ invocations: 33 }), 2)
  assert.equal(variant.groups({ elements: [8 * 33, 3] }), [3, 2])
  assert.is(variant.groups({ elements: 8 * 65 }), 3)
  assert.is(variant.groups({ groups: 7 }), 7)
  assert.equal([scale.workgroups({ invocations: [33, 3] }, { SG: 8 }), scale.workgroupSize({ SG: 8 })], [6, 32])
  assert.is(scale.constant('SIDE', { SG: 4 }), 8)
})

test('flags tell what is bound; overrides by name', () => {
  const scale = kernel<never>('a/scale.wgsl', SCALE, Object.entries(library)) as Kernel
  const view = new DataView(new ArrayBuffer(16))
  for (const bias of [null, {}]) {
    scale.pack({ n: 3, factor: 0.5 }, [{}, bias, {}], view, 0)
    assert.equal([view.getUint32(0, true), view.getFloat32(4, true), view.getUint32(8, true)], [3, 0.5, bias ? 1 : 0])
  }
  assert.equal(scale.overrides({ SG: 4, TWICE: true }, [{}, null, {}]), { TWICE: 1 })
  assert.equal((shaders.binary_forward as Kernel).overrides({ OP: 'div' }, []), { OP: 3 })
  refused(
    () => (shaders.binary_forward as Kernel).overrides({ OP: 'modulo' }, []),
    'binary_forward: OP must be one of add,sub,mul,div,maximum,minimum, got modulo',
  )
  assert.equal((shaders.adam_step as Kernel).overrides({}, [{}, {}, {}, {}, null]), { has_scaler: 0 })
})

test('a field of the uniform that a pipeline is made for', () => {
  const text = SCALE.replace('// @each', '// @shape n, has_bias\n// @each').replace(
    'let last = 1',
    'let last = params.n',
  )
  const scale = kernel('a/scale.wgsl', text, [['lib/index.wgsl', read('shaders/lib/index.wgsl')]])
  const lines = scale.named('T=f32,SG=4,W=1').code().split('\n')
  assert.ok(lines.includes('let last = select(params.n, FIXED_n, FIXED);'))
  assert.is(
    lines[lines.length - 2],
    'alias T = f32; const SG = 4u; const W = 1u; override FIXED: bool = false; ' +
      'override FIXED_n: u32 = u32(1); override FIXED_has_bias: u32 = u32(1); ',
  )
  assert.equal(scale.overrides({}, [{}, {}, {}]), {})
  assert.equal(scale.overrides({}, [{}, {}, {}], { n: 7, factor: 2 }), { FIXED: 1, FIXED_n: 7, FIXED_has_bias: 1 })
})

test('an operator without a case is refused with file and line', () => {
  const unary = read('shaders/lib/unary.wgsl')
  const forward = read('shaders/unary_forward.wgsl')
  const lineOf = (what: string, text = unary) => text.split('\n').findIndex((l) => l.includes(what)) + 1
  const given = (text: string) => () =>
    parse('shaders/unary_forward.wgsl', forward, { ...library, 'lib/unary.wgsl': text })
  given(unary)()
  const more = unary.replace(/^(.*@enum OP = .*)/m, '$1, mish')
  const line = lineOf('switch (OP)')
  refused(given(more), `shaders/lib/unary.wgsl:${line}: switch (OP): must have a case for each value, misses mish`)
  const mish = '    case OP_MISH: { return x * sigmoid(x); }\n'
  const half = more.replace('    case OP_RELU', `${mish}    case OP_RELU`)
  const second = half.slice(0, half.lastIndexOf('switch (OP)')).split('\n').length
  refused(given(half), `shaders/lib/unary.wgsl:${second}: switch (OP): must have a case for each value, misses mish`)
  refused(
    given(unary.replace('default: { return vec4<f32>(nan()); }', 'default: { return abs(x); }')),
    `shaders/lib/unary.wgsl:${line}: switch (OP): default must give nan()`,
  )
  refused(
    given(unary.replace('override OP: u32;', '')),
    `shaders/lib/unary.wgsl:${lineOf('@enum')}: an enum needs an override of its name, there is no 'override OP: u32'`,
  )
})

test('what else is refused', () => {
  const given = (text: string) => () => {
    const template = parse('a/scale.wgsl', text, library)
    expand(template, template.variants[0])
  }
  const replaced = (from: string, to: string) => given(SCALE.replace(from, to))
  const line = (what: string) => SCALE.split('\n').findIndex((l) => l.includes(what)) + 1
  refused(replaced('n: u32', 'n: vec2<u32>'), 'a/scale.wgsl:7: Params.n must be u32, i32 or f32, got vec2<u32>')
  refused(
    replaced('@binding(1)', '@binding(4)'),
    `a/scale.wgsl:${line('y: array')}: bindings must be numbered from 0 without a hole, the uniform last`,
  )
  refused(replaced('has_bias', 'has_bais'), 'a/scale.wgsl:7: has_bais: there is no binding bais')
  refused(replaced('lib/index', 'lib/none'), 'a/scale.wgsl:6: there is no lib/none.wgsl to include')
  refused(replaced('8 2', '8'), 'a/scale.wgsl:3: every choice needs a value of SG and W')
  refused(replaced('fn main', 'fn other'), "a/scale.wgsl:1: there is no entry point 'main' with a @workgroup_size")
  refused(
    replaced('i < W', 'i < params.n'),
    `a/scale.wgsl:${line('@unroll')}: 'params.n' must be an integer of literals, constants and variants`,
  )
})

test('every shader: bindings, params, overrides and workgroup as another reader of WGSL finds them', async () => {
  const kernels = await everyKernel()
  const files = readdirSync(join(root, 'shaders')).filter((f) => f.endsWith('.wgsl'))
  assert.equal(kernels.map((k) => `${k.name}.wgsl`).sort(), files.sort())
  for (const { name, template, variants } of kernels) {
    const fields = template.params.map((p) => p.name)
    assert.equal(
      template.shape.filter((field) => !fields.includes(field)),
      [],
      `${name}: @shape`,
    )
    const [variant] = variants.values()
    // It does not know matrices, and reads declarations alone: functions go in without their bodies.
    const code = variant
      .code()
      .replace(/enable [^;]+;/g, '')
      .replace(/\bsubgroup_matrix_\w+<[^>]*>/g, 'f32')
    let depth = 0
    const bare = [...code.matchAll(/\bstruct[^}]*\}|[^{}]|[{}]/g)]
      .filter(([c]) => (c === '{' ? depth++ : c === '}' ? --depth : depth) === 0)
      .map(([c]) => c)
    const found = new WgslReflect(bare.join(''))
    const groups = found.getBindGroups()[0] ?? []
    assert.equal(
      groups.filter((b) => b.resourceType !== 0).map((b) => `${b.name} ${b.access}`),
      template.bindings.map((b) => `${b.name} ${b.access}`),
      name,
    )
    const uniform = groups.find((b) => b.resourceType === 0)
    assert.equal(
      (uniform ? (uniform.type as StructInfo).members : []).map((m) => `${m.name} ${m.type.name}`),
      template.params.map((p) => `${p.name} ${p.type}`),
      name,
    )
    assert.equal(
      found.overrides.map((o) => o.name).sort(),
      [
        ...template.overrides.map((o) => o.name),
        ...(template.shape.length ? ['FIXED', ...template.shape.map(fixed)] : []),
      ].sort(),
      name,
    )
  }
})

test.run()
