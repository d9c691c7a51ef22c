// Certificates and joins (membership.md).

import { message } from './hashing.mjs'
import { encode } from './msgpack.mjs'
import { bytes, bytesOrNil, fields, isEqual } from './shape.mjs'
import { isUsableKey, requireSignature } from './signing.mjs'
import { Violation } from './violation.mjs'

export function readCertificate (value) {
  const [member, device, exchangeKey, signature] = fields(value, 4)
  return {
    member: bytes(member, 32),
    device: bytes(device, 32),
    exchangeKey: bytes(exchangeKey, 32),
    signature: bytes(signature, 64)
  }
}

export function readJoin (value) {
  const [invitation, signature, invitationSignature] = fields(value, 3)
  if ((invitation === null) !== (invitationSignature === null)) {
    throw new Violation('wrong-shape', 'an invitation goes with its signature')
  }
  return {
    invitation: bytesOrNil(invitation, 32),
    signature: bytes(signature, 64),
    invitationSignature: bytesOrNil(invitationSignature, 64)
  }
}

export function verifyCertificate ({ member, device, exchangeKey, signature }) {
  const areUsable = isUsableKey(member) && isUsableKey(device) && !isEqual(member, device)
  if (!areUsable) throw new Violation('bad-certificate')
  const signed = message('covey/device/1', encode([member, device, exchangeKey]))
  requireSignature(signature, member, signed, 'bad-certificate')
}

export function verifyJoin (join, certificate, contextId) {
  const { member, device, exchangeKey, signature } = certificate
  const shown = [member, device, exchangeKey, signature]
  const signed = message('covey/join/1', encode([contextId, join.invitation, shown]))
  requireSignature(join.signature, device, signed, 'bad-join')
  if (join.invitation !== null) {
    requireSignature(join.invitationSignature, join.invitation, signed, 'bad-join')
  }
}
