// Which GPU of a machine one of several processes takes, on Linux: WebGPU has no number for a GPU, but the layer of
// Mesa between Vulkan and its drivers leaves a program the one that DRI_PRIME names by its place on the PCI bus.
import { readdirSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Variables by which somebody has chosen already. */
const CHOSEN = ['DRI_PRIME', 'MESA_VK_DEVICE_SELECT', 'VK_LOADER_DEVICE_SELECT', 'VK_DRIVER_FILES', 'VK_ICD_FILENAMES']

/**
 * Leaves this process, the `rank`-th of this machine, one of the machine's GPUs. To be called before an adapter is
 * asked for; does nothing where there is one GPU at most, or somebody has chosen already.
 * @param folder of the kernel, which lists GPUs
 */
export function chooseGpu(
  rank: number,
  { env = process.env, folder = '/sys/class/drm' }: { env?: NodeJS.ProcessEnv; folder?: string } = {},
): void {
  if (CHOSEN.some((name) => env[name])) return
  const gpus = gpusIn(folder)
  if (gpus.length > 1) env.DRI_PRIME = `pci-${gpus[rank % gpus.length].replace(/[:.]/g, '_')}!`
}

/** Places on the PCI bus (0000:03:00.0) of all that can compute, in their order. */
function gpusIn(folder: string): string[] {
  try {
    const nodes = readdirSync(folder).filter((name) => /^renderD\d+$/.test(name))
    const places = nodes.map((name) => basename(realpathSync(join(folder, name, 'device'))))
    return [...new Set(places.filter((place) => /^[\da-f]{4}:[\da-f]{2}:[\da-f]{2}\.\d$/.test(place)))].sort()
  } catch {
    return [] // no Linux, or no GPU
  }
}
