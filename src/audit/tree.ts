// Which files of a folder are images of a class in a split, and which are left out and why. Looks at names alone.
import { type DataSource, listSource } from '../data/imageFolder.js'
import { type FileEntry, REASONS, isImage } from '../data/listing.js'
import { otherFormat } from './header.js'

/** A picture by its path below the audited folder. */
export interface Entry extends FileEntry {
  /** 'train', …; '' where the folder has no splits. */
  split: string
  class: string
}

/** A file that counts for nothing, and why. */
export interface LeftOut {
  path: string
  reason: string
}

export interface Tree {
  entries: Entry[]
  leftOut: LeftOut[]
  /** Files without any ending: they may be DICOM. */
  nameless: FileEntry[]
  /** Class folders by split, those without images too. */
  folders: Map<string, Set<string>>
}

const isSplit = (name: string): boolean => /^(train(ing)?|val(id(ation)?)?|dev|test(ing)?)$/i.test(name)
const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Below a lone outer folder, as archives have it, everything lies one deeper. */
function outerFolder(paths: readonly string[]): string {
  const tops = new Set(paths.map((path) => path.split('/', 1)[0]))
  const [top] = tops
  if (tops.size !== 1 || isSplit(top)) return ''
  const inside = paths.filter((path) => path.startsWith(`${top}/`)).map((path) => path.slice(top.length + 1))
  const direct = inside.some((path) => !path.includes('/') && isImage(path))
  return inside.length && !direct ? `${top}/${outerFolder(inside)}` : ''
}

/** Sorts the files of a folder, or those picked in a page, into splits and classes. */
export function readTree(source: DataSource): Tree {
  const { files, folders, leftOut } = listSource(source)
  const outer = outerFolder([...files.map((f) => f.path), ...folders])
  const name = (path: string) => (path.startsWith(outer) ? path.slice(outer.length) : path)
  const paths = [...files.map((f) => f.path), ...folders].map(name)
  const split = paths.some((path) => isSplit(path.split('/')[0]))
  const tree: Tree = { entries: [], leftOut: [], nameless: [], folders: new Map() }
  const add = (part: string, folder: string) =>
    tree.folders.set(part, (tree.folders.get(part) ?? new Set<string>()).add(folder))
  for (const folder of folders.map(name).sort(byCodeUnit)) {
    const parts = folder.split('/')
    if (split && isSplit(parts[0])) {
      if (parts.length === 2) add(parts[0], parts[1])
      else if (parts.length === 1 && !tree.folders.has(parts[0])) tree.folders.set(parts[0], new Set())
    } else if (!split && parts.length === 1) add('', parts[0])
  }
  for (const file of [...files].sort((a, b) => byCodeUnit(a.path, b.path))) {
    const path = name(file.path)
    const parts = path.split('/')
    const other = otherFormat(path)
    const leave = (reason: string) => tree.leftOut.push({ path, reason })
    if (other) leave(`${other} is not read: convert it to PNG or JPEG`)
    else if (!/\.\w+$/.test(parts[parts.length - 1])) tree.nameless.push({ path, file: file.file })
    else if (!isImage(path)) leave('not an image')
    else if (split && !isSplit(parts[0])) leave('outside the splits')
    else if (parts.length < (split ? 3 : 2)) leave('in no class folder')
    else {
      const [part, folder] = split ? parts : ['', parts[0]]
      add(part, folder)
      tree.entries.push({ path, file: file.file, split: part, class: folder })
    }
  }
  // Of what is hidden only pictures would be missed.
  for (const { path, why } of leftOut)
    if (why !== 'hidden' || isImage(path)) tree.leftOut.push({ path: name(path), reason: REASONS[why] })
  return tree
}
