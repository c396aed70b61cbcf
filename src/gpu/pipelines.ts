// Compute pipelines, made once per kernel, variant and overrides; asynchronously and in parallel where the caller can
// wait.
import { RadiogradError, check } from '../util/check.js'
import { type Kernel, featuresOf } from './kernel.js'
import type { Counters } from './memory.js'

export interface Pipeline {
  pipeline: GPUComputePipeline
  layout: GPUBindGroupLayout
}

export class Pipelines {
  private readonly layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>()
  private readonly modules = new Map<string, GPUShaderModule>()
  private readonly ready = new Map<string, Pipeline>()
  private readonly pending = new Map<string, Promise<Pipeline>>()

  constructor(
    private readonly device: GPUDevice,
    private readonly counters: Counters,
  ) {}

  /** The pipeline if it is ready, otherwise made on the spot. */
  now(kernel: Kernel, variant: string, overrides: Record<string, number>): Pipeline {
    const key = this.key(kernel, variant, overrides)
    let made = this.ready.get(key)
    if (!made) {
      made = {
        pipeline: this.device.createComputePipeline(this.descriptor(kernel, variant, overrides)),
        layout: this.layout(kernel).group,
      }
      this.counters.pipelines++
      this.ready.set(key, made)
    }
    return made
  }

  /** Starts making the pipeline, or joins whoever did. */
  soon(kernel: Kernel, variant: string, overrides: Record<string, number>): Promise<Pipeline> {
    const key = this.key(kernel, variant, overrides)
    const made = this.ready.get(key)
    if (made) return Promise.resolve(made)
    let promise = this.pending.get(key)
    if (!promise) {
      this.counters.pipelines++
      promise = this.device.createComputePipelineAsync(this.descriptor(kernel, variant, overrides)).then(
        (pipeline) => {
          const entry = { pipeline, layout: this.layout(kernel).group }
          this.ready.set(key, entry)
          this.pending.delete(key)
          return entry
        },
        async (error) => {
          throw new RadiogradError(await this.explain(kernel, variant, error))
        },
      )
      promise.catch(() => {}) // whoever executes the step awaits it again and sees the error
      this.pending.set(key, promise)
    }
    return promise
  }

  private key(kernel: Kernel, variant: string, overrides: Record<string, number>): string {
    let key = `${kernel.name}|${variant}`
    for (const name in overrides) key += `|${name}=${overrides[name]}`
    return key
  }

  private descriptor(kernel: Kernel, variant: string, overrides: Record<string, number>): GPUComputePipelineDescriptor {
    return {
      label: `${kernel.name} ${variant}`.trim(),
      layout: this.layout(kernel).pipeline,
      compute: { module: this.module(kernel, variant), entryPoint: 'main', constants: overrides },
    }
  }

  private module(kernel: Kernel, variant: string): GPUShaderModule {
    const key = `${kernel.name}|${variant}`
    let module = this.modules.get(key)
    if (!module) {
      const code = kernel.sources[variant]
      check(
        code !== undefined,
        `${kernel.name}: no variant '${variant}', have ${Object.keys(kernel.sources).join(' ')}`,
      )
      for (const feature of featuresOf(kernel, variant)) {
        check(
          this.device.features.has(feature),
          `${kernel.name}: needs the device feature '${feature}', which this adapter lacks`,
        )
      }
      module = this.device.createShaderModule({ label: kernel.name, code })
      this.counters.shaderModules++
      this.modules.set(key, module)
    }
    return module
  }

  private layout(kernel: Kernel) {
    const access = Object.values(kernel.bindings)
    const uniform = Object.keys(kernel.params).length > 0
    const key = `${access.join()}|${uniform}`
    let layout = this.layouts.get(key)
    if (!layout) {
      const entries: GPUBindGroupLayoutEntry[] = access.map((a, binding) => ({
        binding,
        visibility: 4 /* COMPUTE */,
        buffer: { type: a === 'read' ? 'read-only-storage' : 'storage' },
      }))
      if (uniform) entries.push({ binding: access.length, visibility: 4, buffer: { type: 'uniform' } })
      const group = this.device.createBindGroupLayout({ label: key, entries })
      layout = { group, pipeline: this.device.createPipelineLayout({ label: key, bindGroupLayouts: [group] }) }
      this.layouts.set(key, layout)
    }
    return layout
  }

  /**
   * One line: the file and line of the first compile error. Unrolling keeps line numbers; includes come after the file.
   */
  private async explain(kernel: Kernel, variant: string, error: unknown): Promise<string> {
    const info = await this.module(kernel, variant)
      .getCompilationInfo()
      .catch(() => null)
    const first = info?.messages.find((m) => m.type === 'error')
    const what = first
      ? `shaders/${kernel.name}.wgsl:${first.lineNum}:${first.linePos} ${first.message}`
      : String((error as Error)?.message ?? error)
    return `${kernel.name} ${variant}: pipeline refused, ${what.replace(/\s+/g, ' ').slice(0, 500)}`
  }
}
