// radiograd download: fetches official pretrained weights, or any file, into the cache folder.
import type { Command } from 'commander'
import { RadiogradError, check } from '../util/check.js'
import { download } from '../weights/download.node.js'
import { shownAddress } from '../weights/remote.js'
import { goOnUnread } from './output.js'
import { Report } from './report.js'
import { withSignals } from './session.js'
import { PRETRAINED, cachedFile, mirrored } from './weights.js'

interface DownloadOptions {
  sha256?: string
  force: boolean
  json: boolean
}

export function downloadCommand(program: Command): void {
  program
    .command('download')
    .description(
      `fetch pretrained weights for --weights: ${Object.keys(PRETRAINED).join(', ')}, or a file by its address`,
    )
    .argument('<name or URL>', 'a name, or an http(s) address; RADIOGRAD_WEIGHTS_URL names a mirror for the names')
    .option(
      '--sha256 <hex>',
      "the file's SHA-256 or its first digits (default: those in its name, or that the server tells)",
    )
    .option('--force', 'fetch it although it is there', false)
    .option('--json', 'one JSON document on stdout; everything else goes to stderr', false)
    .action((what: string, options: DownloadOptions) => fetchWeights(what, options))
}

async function fetchWeights(what: string, { sha256, force, json }: DownloadOptions): Promise<void> {
  goOnUnread()
  const report = new Report(json)
  check(
    sha256 === undefined || /^[0-9a-f]{8,64}$/i.test(sha256),
    `--sha256: must be 8 to 64 hexadecimal digits, got ${sha256}`,
  )
  const known = Object.hasOwn(PRETRAINED, what)
  check(
    known || (URL.canParse(what) && /^https?:/i.test(what)),
    `download: must be ${Object.keys(PRETRAINED).join(', ')} or an http(s) address, got ${shownAddress(what)}`,
  )
  const urls = known ? PRETRAINED[what].map(mirrored) : [what]
  const files: string[] = []
  await withSignals(report, 'the transfer; the same command goes on with it', async (signal) => {
    for (const [i, url] of urls.entries()) {
      const target = cachedFile(url, known ? what : undefined)
      const fetched = await one(url, target, { sha256: i === 0 ? sha256 : undefined, force, signal, report })
      if (signal.aborted) return
      report.say(fetched ? `wrote     ${target}` : `there     ${target} (--force fetches it again)`)
      files.push(target)
    }
    if (known) report.say(`use       --weights ${what}`)
    report.result({ files })
  })
}

/** False when the file was there. A Ctrl-C is no failure: what has arrived stays. */
async function one(
  url: string,
  target: string,
  { report, ...options }: { sha256?: string; force: boolean; signal: AbortSignal; report: Report },
): Promise<boolean> {
  let show: ((done: number) => void) | undefined
  const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10
  try {
    return await download(url, target, {
      ...options,
      onProgress: (bytes, total) => {
        show ??= report.counter(target.split(/[/\\]/).pop()!, megabytes(total ?? 0), 'MB')
        show(megabytes(bytes))
      },
    })
  } catch (error) {
    if (!options.signal.aborted || error instanceof RadiogradError) throw error
    return false
  } finally {
    report.endProgress()
  }
}
