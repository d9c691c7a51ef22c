// How values are shown in JSON, as in the vectors: {"int": decimal}, {"bin": hex}, the rest as it
// is.

export function hexOf (bytes) {
  return Buffer.from(bytes).toString('hex')
}

export function bytesOf (hex) {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

export function shown (value) {
  if (typeof value === 'bigint') return { int: value.toString() }
  if (value instanceof Uint8Array) return { bin: hexOf(value) }
  return Array.isArray(value) ? value.map(shown) : value
}

export function valueOf (json) {
  if (Array.isArray(json)) return json.map(valueOf)
  if (json?.int !== undefined) return BigInt(json.int)
  return json?.bin === undefined ? json : bytesOf(json.bin)
}
