// What a refused object is thrown as; the codes are those of registry.md.

export class Violation extends Error {
  constructor (code, reason) {
    super(reason === undefined ? code : `${code}: ${reason}`)
    this.code = code
  }
}
