// radiograd info: which adapter would compute, and what it can do.
import type { Command } from 'commander'
import { init } from '../engine/index.js'
import { type CommonOptions, withCommon } from './options.js'
import { Report } from './report.js'
import { describeAdapter } from './session.js'
import { versions } from './versions.js'

export function infoCommand(program: Command): void {
  const command = program.command('info').description('show the adapter that would be used, its limits and features')
  withCommon(command).action((options: CommonOptions) => info(options))
}

async function info({ adapter, json }: CommonOptions): Promise<void> {
  const report = new Report(json)
  const engine = await init({ adapter })
  try {
    // Limits are getters of the prototype, which neither a spread nor JSON sees.
    const limits: Record<string, number> = {}
    for (const name in engine.limits) {
      const value = engine.limits[name as keyof GPUSupportedLimits]
      if (typeof value === 'number') limits[name] = value
    }
    const { vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize } = engine.adapter.info
    const features = [...engine.features].sort()
    report.say(`adapter   ${describeAdapter(engine)}`)
    report.say(`kind      ${engine.adapterKind}${engine.isSoftware ? ' (software)' : ''}`)
    report.say(`features  ${features.join(' ')}`)
    report.say(`subgroups ${subgroupMinSize} to ${subgroupMaxSize} lanes`)
    report.say('limits')
    for (const [name, value] of Object.entries(limits)) report.say(`  ${name.padEnd(42)} ${value}`)
    report.say(
      `versions  ${Object.entries(versions())
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}`,
    )
    const { adapterName: name, adapterKind: kind, isSoftware } = engine
    report.result({
      adapter: { name, kind, isSoftware, vendor, architecture, device, description },
      subgroupSize: [subgroupMinSize, subgroupMaxSize],
      features,
      limits,
      versions: versions(),
    })
  } finally {
    engine.dispose()
  }
}
