// Values of flags: parsed and range-checked where commander reads them, so that a wrong one is a usage error naming its
// flag.
import { type Command, InvalidArgumentError, Option } from 'commander'

/** A whole number from `least` to `most`. */
export const whole =
  (least: number, most = 2 ** 31 - 1) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }

/** A number that `fits`, which `rule` says in words. */
export const real =
  (rule: string, fits: (value: number) => boolean) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isFinite(value) && fits(value)) return value
    throw new InvalidArgumentError(`It must be a number ${rule}.`)
  }

/** Names between commas. */
export function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim())
  if (list.some((name) => name === '')) throw new InvalidArgumentError('It must be names with commas between them.')
  return list
}

/** What every command that computes understands. */
export interface CommonOptions {
  adapter: 'auto' | 'gpu' | 'lavapipe' | 'swiftshader'
  json: boolean
}

export interface DecodingOptions extends CommonOptions {
  workers?: number
  tune: boolean
}

/** Adds `--adapter` and `--json`. */
export function withCommon(command: Command): Command {
  const adapter = new Option('--adapter <kind>', 'which adapter to compute on')
  return command
    .addOption(adapter.choices(['auto', 'gpu', 'lavapipe', 'swiftshader']).default('auto'))
    .option('--json', 'one JSON document on stdout; everything else goes to stderr', false)
}

/** Adds `--workers` and `--no-tune`, for commands that run models on images. */
export function withDecoding(command: Command): Command {
  const text = 'threads that decode images, 0 for none (default: one per core, at most 4)'
  return withCommon(
    command
      .option('--workers <n>', text, whole(0, 64))
      .option('--no-tune', 'do not measure which kernels are fastest on this GPU, nor use what was measured before'),
  )
}
