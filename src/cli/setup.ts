// radiograd setup: makes sure that there is an adapter to compute on, fetching a software one where there is none.
import type { Command } from 'commander'
import { requestGpuAdapter } from '#platform/device'
import { fetchSwiftshader } from '../gpu/swiftshader.node.js'
import { RadiogradError } from '../util/check.js'
import { Report } from './report.js'

const FASTER =
  'three times faster: lavapipe, on Debian 12 with backports: ' +
  'apt-get install -t bookworm-backports libvulkan1 mesa-vulkan-drivers'

export function setupCommand(program: Command): void {
  program
    .command('setup')
    .description('find an adapter, and fetch SwiftShader (a software one, no root needed) where there is none')
    .action(setup)
}

async function setup(): Promise<void> {
  const report = new Report(false)
  let kind = await found()
  if (!kind) {
    report.say(
      'setup     no adapter found: fetching SwiftShader, a Vulkan driver for the CPU, through npm (68 MB, once)',
    )
    report.waiting('setup     fetching')
    report.say(`setup     SwiftShader is in ${await fetchSwiftshader()}`)
    kind = await found()
    if (!kind) throw new RadiogradError('setup: SwiftShader was fetched, but Dawn finds no adapter in it')
  }
  if (kind === 'swiftshader') report.say(`setup     computing on SwiftShader; ${FASTER}`)
}

/** Kind of the adapter that would be used, or null. */
async function found(): Promise<string | null> {
  try {
    return (await requestGpuAdapter()).kind
  } catch (error) {
    if (error instanceof RadiogradError && error.message.startsWith('no adapter')) return null
    throw error
  }
}
