// Which adapter a page takes.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { requestGpuAdapter } from '../../src/gpu/device.browser.js'

const test = suite('adapter of a page')

const adapter = (description: string, isFallbackAdapter = false) => ({
  info: { vendor: '', architecture: '', description, isFallbackAdapter },
})
type Found = ReturnType<typeof adapter> | null

/** Asks with a browser that has these. */
async function ask(core: Found, compatibility: Found) {
  const requests: (string | undefined)[] = []
  const gpu = {
    requestAdapter: async ({ featureLevel }: { featureLevel?: string }) => {
      requests.push(featureLevel)
      return featureLevel === 'compatibility' ? compatibility : core
    },
  }
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
  const found = await requestGpuAdapter()
  return { adapter: found.adapter as unknown as Found, isSoftware: found.isSoftware, requests }
}

test('a GPU is taken as it is', async () => {
  const core = adapter('GPU')
  assert.equal(await ask(core, null), { adapter: core, isSoftware: false, requests: [undefined] })
})

test('compatibility mode is asked for where there is nothing better than software', async () => {
  const [software, old] = [adapter('SwiftShader', true), adapter('OpenGL ES')]
  const requests = [undefined, 'compatibility']
  assert.equal(await ask(null, old), { adapter: old, isSoftware: false, requests })
  assert.equal(await ask(software, old), { adapter: old, isSoftware: false, requests })
  assert.equal(await ask(software, adapter('SwiftShader', true)), { adapter: software, isSoftware: true, requests })
  assert.equal(await ask(software, null), { adapter: software, isSoftware: true, requests })
})

test('none at all', async () => {
  await ask(null, null).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /^no adapter: this browser offers no WebGPU/),
  )
})

test.run()
