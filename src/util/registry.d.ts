/** Null when npm's registry, or the proxy in front of it, takes a connection, else why not. `seconds`: 6 by default. */
export function registryTrouble(seconds?: number): Promise<string | null>
