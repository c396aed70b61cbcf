// radiograd flower-app: writes an app for Flower, the federation framework, whose sites run `radiograd round`.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { openFolder } from '#platform/store'
import { check } from '../util/check.js'

/** The app's files, as they are in this folder. */
const TEMPLATES = new URL('./flower/', import.meta.url)

export function flowerAppCommand(program: Command): void {
  program
    .command('flower-app')
    .description("write a Flower app whose sites run 'round': pyproject.toml, client_app.py, server_app.py")
    .argument('<dir>', 'folder for its files, none of which may be there')
    .action(async (dir: string) => {
      const store = openFolder(dir)
      const names = readdirSync(TEMPLATES).sort()
      const there = (await store.list()).find((name) => names.includes(name))
      check(!there, `${join(dir, there ?? '')}: must not be there yet, got a file`)
      for (const name of names) await store.write(name, readFileSync(new URL(name, TEMPLATES)))
      process.stdout.write(`wrote     ${names.join(', ')} in ${dir}\n`)
    })
}
