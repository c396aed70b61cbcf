// The folder of the user's cache where this project keeps what it fetched or made. Node only.
import { homedir } from 'node:os'
import { join } from 'node:path'

/** `$XDG_CACHE_HOME/radiograd`, else `~/.cache/radiograd`; it may not exist yet. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'radiograd')
}
