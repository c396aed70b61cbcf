// Finding an adapter in a browser.
import { RadiogradError } from '../util/check.js'

/**
 * Opens the browser's adapter: a GPU, if need be one that has only WebGPU's compatibility mode, else the browser's
 * software. Throws when there is none.
 */
export async function requestGpuAdapter() {
  const request = (featureLevel?: string) =>
    globalThis.navigator?.gpu?.requestAdapter({
      powerPreference: 'high-performance',
      ...(featureLevel && { featureLevel }),
    })
  const first = await request()
  const second = first && !first.info.isFallbackAdapter ? null : await request('compatibility')
  const adapter = second && !(first && second.info.isFallbackAdapter) ? second : first
  if (!adapter)
    throw new RadiogradError(
      'no adapter: this browser offers no WebGPU here; it needs https or localhost, and a GPU that is not blocked',
    )
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info
  const name = `${vendor} ${architecture} ${description}`.toLowerCase()
  const kind = name.includes('swiftshader') ? 'swiftshader' : name.includes('llvmpipe') ? 'lavapipe' : 'gpu'
  return { adapter, kind, isSoftware: isFallbackAdapter || kind !== 'gpu', dispose() {} }
}
