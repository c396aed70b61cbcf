// The checksum of ZIP archives and PNG chunks.

/** Tables for four bytes at a time. */
const tables = /* @__PURE__ */ (() => {
  const all = Array.from({ length: 4 }, () => new Int32Array(256))
  for (let n = 0; n < 256; n++) {
    let value = n
    for (let k = 0; k < 8; k++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    all[0][n] = value
  }
  for (let n = 0; n < 256; n++)
    for (let k = 1; k < 4; k++) all[k][n] = (all[k - 1][n] >>> 8) ^ all[0][all[k - 1][n] & 255]
  return all
})()

/** CRC-32 (ISO 3309) of the bytes. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3] = tables
  let crc = -1
  let i = 0
  for (; i + 4 <= bytes.length; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    crc = t3[crc & 255] ^ t2[(crc >>> 8) & 255] ^ t1[(crc >>> 16) & 255] ^ t0[crc >>> 24]
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]) & 255]
  return (crc ^ -1) >>> 0
}
