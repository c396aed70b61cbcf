// Choices for adapters that were measured beforehand. Written by `node dist/bench/ship.js`; only what differs from the usual candidate.

export const shipped: Readonly<Record<string, Readonly<Record<string, string>>>> = {}
