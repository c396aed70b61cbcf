// radiograd info: which adapter would compute, and what it can do.
import type { Command } from 'commander'
import type { SettingsOf } from '../app/settings.js'
import { ADAPTER_SETTINGS } from '../app/settingTables.js'
import { init } from '../engine/index.js'
import { type OutputOptions, withJson, withSettings } from './options.js'
import { Report } from './report.js'
import { adapterText } from './texts.js'
import { versions } from './versions.js'

type InfoOptions = SettingsOf<typeof ADAPTER_SETTINGS> & OutputOptions

export function infoCommand(program: Command): void {
  const command = program.command('info').description('show the adapter that would be used, its limits and features')
  withJson(withSettings(command, ADAPTER_SETTINGS)).action((options: InfoOptions) => info(options))
}

async function info({ adapter, json }: InfoOptions): Promise<void> {
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
    const { adapterName: name, adapterKind, isSoftware } = engine
    report.say(`adapter   ${adapterText({ name, adapterKind, isSoftware })}`)
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
    report.result({
      adapter: { name, kind: adapterKind, isSoftware, vendor, architecture, device, description },
      subgroupSize: [subgroupMinSize, subgroupMaxSize],
      features,
      limits,
      versions: versions(),
    })
  } finally {
    engine.dispose()
  }
}
