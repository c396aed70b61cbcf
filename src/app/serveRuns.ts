// The worker's side of spawn.ts: does what a page asks, one message a request, and tells it what happens.
import { RadiogradError, SettingError } from '../util/check.js'
import type { Channel, Reply, Request, SentError } from './calls.js'

/**
 * Makes this worker do what a page asks through `spawn`: the one line of its program.
 *
 * @param channel to the page; the worker's own when left out.
 */
export function serveRuns(channel: Channel = globalThis as unknown as Channel): void {
  const aborts = new Map<number, Record<string, AbortController>>()
  const send = (reply: Reply) => channel.postMessage(reply)
  channel.addEventListener('message', ({ data }: MessageEvent<Request>) => {
    if ('abort' in data) return void aborts.get(data.id)?.[data.abort]?.abort()
    const { id, call, callbacks, signals } = data
    const own = Object.fromEntries(signals.map((name) => [name, new AbortController()]))
    aborts.set(id, own)
    const given = {
      ...Object.fromEntries(signals.map((name) => [name, own[name].signal])),
      ...Object.fromEntries(
        callbacks.map((name) => [name, (...args: unknown[]) => send({ id, callback: name, args })]),
      ),
    }
    // Functions and signals are always of the options, which come last.
    const args = data.args.map((arg, i) =>
      i === data.args.length - 1 && i > 0 ? { ...(arg as object), ...given } : arg,
    )
    import('./answers.js')
      .then(({ answers }) => (answers[call] as (...args: unknown[]) => Promise<unknown>)(...args))
      .then(
        (value) => send({ id, value }),
        (error: unknown) => send({ id, error: sent(error) }),
      )
      .finally(() => aborts.delete(id))
  })
  channel.start?.()
}

function sent(error: unknown): SentError {
  const { message = String(error) } = error as Error
  if (!(error instanceof SettingError)) return { message, own: error instanceof RadiogradError }
  const { setting, rule, given } = error
  return { message, own: true, setting, rule, given }
}
