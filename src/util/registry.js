// Whether the npm registry can be reached: plain JavaScript, as set-up asks before anything is built. npm itself tries
// for minutes where there is no network, and takes its time to start on a slow machine.
import { connect } from 'node:net'

/**
 * Null when npm's registry, or the proxy in front of it, takes a connection, else why not: `ENOTFOUND at
 * registry.npmjs.org`. npm tells the programs that it runs how it is configured.
 * @param {number} seconds the longest it takes
 * @returns {Promise<string | null>}
 */
export function registryTrouble(seconds = 6) {
  const { env } = process
  const proxy = env.npm_config_https_proxy || env.npm_config_proxy || env.HTTPS_PROXY || env.https_proxy
  const url = new URL(proxy || env.npm_config_registry || 'https://registry.npmjs.org/')
  return new Promise((done) => {
    const socket = connect(Number(url.port) || (url.protocol === 'http:' ? 80 : 443), url.hostname)
    const end = (trouble) => {
      clearTimeout(limit)
      socket.destroy()
      done(trouble && `${trouble} at ${url.host}`)
    }
    const limit = setTimeout(() => end('no answer'), seconds * 1000)
    socket.on('connect', () => end(null))
    socket.on('error', (error) => end(error.code || error.message))
  })
}
