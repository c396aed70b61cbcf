// Which adapter a page takes, and which GPU one of several processes.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { requestGpuAdapter } from '../../src/gpu/device.browser.js'
import { chooseGpu } from '../../src/gpu/gpuOfRank.node.js'

const test = suite('choice of an adapter')

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

test('processes of a machine take its GPUs in the order of the bus, unless somebody has chosen', () => {
  const dir = mkdtempSync(join(tmpdir(), 'radiograd-'))
  const folder = join(dir, 'drm')
  const add = (node: string, place: string) => {
    mkdirSync(join(dir, place), { recursive: true })
    mkdirSync(join(folder, node), { recursive: true })
    symlinkSync(join(dir, place), join(folder, node, 'device'))
  }
  const chosen = (rank: number, env: Record<string, string> = {}) => {
    chooseGpu(rank, { env, folder })
    return env.DRI_PRIME
  }
  try {
    assert.is(chosen(1), undefined) // no such folder
    add('renderD129', '0000:03:00.0')
    add('card0', '0000:02:00.0') // shows pictures, computes nothing
    assert.is(chosen(1), undefined)
    add('renderD128', '0000:c1:00.0')
    assert.equal(
      [0, 1, 2].map((rank) => chosen(rank)),
      ['pci-0000_03_00_0!', 'pci-0000_c1_00_0!', 'pci-0000_03_00_0!'],
    )
    assert.is(chosen(1, { DRI_PRIME: '1' }), '1')
    assert.is(chosen(1, { VK_DRIVER_FILES: '/lvp_icd.json' }), undefined)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test.run()
