// Headless Firefox on a Vulkan driver of the CPU. A page posts its report, so nothing steers the browser.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './programs.js'
import { serve } from './serve.js'

export const firefox = findProgram('FIREFOX', ['firefox', 'firefox-esr'])

const PREFERENCES = {
  'dom.webgpu.enabled': true,
  'gfx.webgpu.ignore-blocklist': true,
  'gfx.webrender.software': true,
  'dom.max_script_run_time': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.aboutwelcome.enabled': false,
  'browser.safebrowsing.update.enabled': false,
  'toolkit.telemetry.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.update.enabled': false,
}

/**
 * Opens a page that runs `script`, whose value it posts; `driver` is the description of a Vulkan driver, `files` are
 * served beside the built ones.
 */
export async function inFirefox(
  script: string,
  driver: string,
  files: Readonly<Record<string, Uint8Array>> = {},
): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'radiograd-firefox-'))
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${value});`)
  writeFileSync(join(profile, 'user.js'), lines.join('\n'))
  let report!: (text: string) => void
  const reported = new Promise<string>((done) => (report = done))
  const page = `<!doctype html><script type="module">
    const post = (body) => fetch('/', { method: 'POST', body: JSON.stringify(body) })
    addEventListener('error', (event) => post({ error: event.message }))
    ;(async () => { ${script} })().then(post, (error) => post({ error: String(error?.stack ?? error) }))
  </script>`
  const server = await serve({ ...files, '/': page }, { report })
  const child = spawn(firefox!, ['--headless', '--no-remote', '--profile', profile, `${server.url}/`], {
    stdio: 'ignore',
    env: {
      ...process.env,
      VK_DRIVER_FILES: driver,
      XDG_RUNTIME_DIR: tmpdir(),
      // The sandbox of its GPU process keeps the driver's compiler out.
      MOZ_DISABLE_GPU_SANDBOX: '1',
      MOZ_DISABLE_CONTENT_SANDBOX: '1',
    },
  })
  const ended = once(child, 'exit')
  try {
    return await Promise.race([reported, ended.then(() => Promise.reject(new Error('Firefox ended by itself')))])
  } finally {
    child.kill()
    await ended
    server.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}
