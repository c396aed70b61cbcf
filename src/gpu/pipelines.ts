// Compute pipelines, made once per variant and overrides; asynchronously and in parallel where the caller can
// wait.
import { RadiogradError, check } from '../util/check.js'
import type { Kernel, Variant } from './kernel.js'
import type { Counters } from './memory.js'

export interface Pipeline {
  pipeline: GPUComputePipeline
  layout: GPUBindGroupLayout
}

export class Pipelines {
  private readonly layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>()
  private readonly modules = new Map<string, { module: GPUShaderModule; variant: Variant }>()
  private readonly ready = new Map<string, Pipeline>()
  private readonly pending = new Map<string, Promise<Pipeline>>()

  constructor(
    private readonly device: GPUDevice,
    private readonly counters: Counters,
  ) {}

  /** The pipeline if it is ready, otherwise made on the spot. */
  now(variant: Variant, overrides: Record<string, number>): Pipeline {
    const key = keyOf(variant, overrides, false)
    let made = this.ready.get(key)
    if (!made) {
      made = {
        pipeline: this.device.createComputePipeline(this.descriptor(variant, overrides, false)),
        layout: this.layout(variant.kernel, false).group,
      }
      this.counters.pipelines++
      this.ready.set(key, made)
    }
    return made
  }

  /** Starts making the pipeline, or joins whoever did. `mixed`: with all bindings `read_write`. */
  soon(variant: Variant, overrides: Record<string, number>, mixed = false): Promise<Pipeline> {
    const key = keyOf(variant, overrides, mixed)
    const made = this.ready.get(key)
    if (made) return Promise.resolve(made)
    let promise = this.pending.get(key)
    if (!promise) {
      this.counters.pipelines++
      promise = this.device.createComputePipelineAsync(this.descriptor(variant, overrides, mixed)).then(
        (pipeline) => {
          const entry = { pipeline, layout: this.layout(variant.kernel, mixed).group }
          this.ready.set(key, entry)
          this.pending.delete(key)
          return entry
        },
        async (error) => {
          throw new RadiogradError(await this.explain(variant, mixed, error))
        },
      )
      promise.catch(() => {}) // whoever executes the step awaits it again and sees the error
      this.pending.set(key, promise)
    }
    return promise
  }

  private descriptor(
    variant: Variant,
    overrides: Record<string, number>,
    mixed: boolean,
  ): GPUComputePipelineDescriptor {
    return {
      label: variant.label,
      layout: this.layout(variant.kernel, mixed).pipeline,
      compute: { module: this.module(variant, mixed), entryPoint: 'main', constants: overrides },
    }
  }

  private module(variant: Variant, mixed: boolean): GPUShaderModule {
    const key = keyOf(variant, {}, mixed)
    let made = this.modules.get(key)
    if (!made) {
      for (const feature of variant.features) {
        check(
          this.device.features.has(feature),
          `${variant.kernel.name}: needs the device feature '${feature}', which this adapter lacks`,
        )
      }
      this.device.pushErrorScope('validation') // what is wrong with it, the pipeline says
      const module = this.device.createShaderModule({ label: variant.kernel.name, code: variant.code(mixed) })
      this.device.popErrorScope().catch(() => {})
      this.counters.shaderModules++
      this.modules.set(key, (made = { module, variant }))
    }
    return made.module
  }

  /**
   * Shared by kernels that bind alike. The uniform's size is part of it: some implementations take the size that one
   * pipeline needs for what every pipeline of the layout needs.
   */
  private layout(kernel: Kernel, mixed: boolean) {
    const { uniformBytes } = kernel
    const access = kernel.template.bindings.map((b) => (mixed ? 'read_write' : b.access))
    const key = `${access.join()}|${uniformBytes}`
    let layout = this.layouts.get(key)
    if (!layout) {
      const buffers: GPUBufferBindingLayout[] = access.map((a) => ({
        type: a === 'read' ? 'read-only-storage' : 'storage',
      }))
      if (uniformBytes) buffers.push({ type: 'uniform', minBindingSize: uniformBytes })
      const group = this.device.createBindGroupLayout({
        label: key,
        entries: buffers.map((buffer, binding) => ({ binding, visibility: 4 /* COMPUTE */, buffer })),
      })
      layout = { group, pipeline: this.device.createPipelineLayout({ label: key, bindGroupLayouts: [group] }) }
      this.layouts.set(key, layout)
    }
    return layout
  }

  /**
   * Why a kernel made on the spot was refused, and null where all compiled. It is forgotten, so that running it again
   * says so again.
   */
  async refused(): Promise<string | null> {
    for (const [key, { module, variant }] of this.modules) {
      const why = await compileError(module, variant)
      if (why === null) continue
      this.modules.delete(key)
      for (const other of this.ready.keys()) if (other.split('|')[0] === variant.label) this.ready.delete(other)
      return `${variant.label}: pipeline refused, ${why}`
    }
    return null
  }

  private async explain(variant: Variant, mixed: boolean, error: unknown): Promise<string> {
    const why =
      (await compileError(this.module(variant, mixed), variant)) ?? oneLine((error as Error)?.message ?? error)
    return `${variant.label}: pipeline refused, ${why}`
  }
}

/** File, line and text of the first compile error; null where there is none. Columns are those of stripped lines. */
async function compileError(module: GPUShaderModule, { kernel }: Variant): Promise<string | null> {
  const info = await module.getCompilationInfo().catch(() => null)
  const first = info?.messages.find((m) => m.type === 'error')
  return first ? `${kernel.place(first.lineNum)}: ${oneLine(first.message)}` : null
}

const oneLine = (text: unknown) => String(text).replace(/\s+/g, ' ').slice(0, 500)

function keyOf({ label }: Variant, overrides: Record<string, number>, mixed: boolean): string {
  let key = mixed ? `${label}|mixed` : label
  for (const name in overrides) key += `|${name}=${overrides[name]}`
  return key
}
