export const peerNames: string[] = []
export async function runPeers(_: readonly string[]): Promise<void> {}
