// What a delta's calls were and what they changed (delta.md).

import { decode } from './msgpack.mjs'
import { bytesUpTo, fields, integer, list, sorted, text } from './shape.mjs'
import { Violation } from './violation.mjs'

const KIB = 1024
const MIB = 1024 * KIB
const FRAME_BYTES_MAX = 4 * MIB
const ELEMENTS_MAX = 65_536
const CALLS_MAX = 256
const CALL_EFFECTS_MAX = 4_096
const EFFECTS_MAX = 8_192
const EVENTS_MAX = 256
const NAME_BYTES_MAX = 64
const KEY_BYTES_MAX = KIB
const VALUE_BYTES_MAX = MIB
const EVENT_BYTES_MAX = 64 * KIB
const AMOUNT_LEAST = -(2n ** 63n)
const AMOUNT_GREATEST = 2n ** 63n - 1n
const EFFECT_FIELDS = new Map([[0n, 4], [1n, 3], [2n, 4]]) // put, delete, add

// One element for each call: {method, arguments, effects, events}.
export function readPayload (plain) {
  const [calls, effects, events] = fields(decode(plain, FRAME_BYTES_MAX, ELEMENTS_MAX), 3)
  const readCalls = list(calls, CALLS_MAX, readCall)
  const readEffects = list(effects, CALLS_MAX, readEffectsOfCall)
  const readEvents = list(events, CALLS_MAX, readEventsOfCall)
  if (readEffects.length !== readCalls.length || readEvents.length !== readCalls.length) {
    throw new Violation('wrong-shape', 'calls, effects and events differ in number')
  }
  const effectCount = readEffects.reduce((sum, each) => sum + each.length, 0)
  if (effectCount > EFFECTS_MAX) throw new Violation('oversized', 'too many effects')
  return readCalls.map((call, index) => (
    { ...call, effects: readEffects[index], events: readEvents[index] }
  ))
}

function readCall (value) {
  const [method, input] = fields(value, 2)
  return { method: text(method, NAME_BYTES_MAX), arguments: bytesUpTo(input, MIB) }
}

function readEffectsOfCall (value) {
  const effects = list(value, CALL_EFFECTS_MAX, readEffect)
  return sorted(effects, ({ collection, key }) => [collection, key])
}

function readEffect (value) {
  const kind = Array.isArray(value) ? value[0] : undefined
  if (!EFFECT_FIELDS.has(kind)) throw new Violation('wrong-shape', 'an effect of no kind')
  const [, collection, key, what] = fields(value, EFFECT_FIELDS.get(kind))
  const entry = {
    kind, collection: text(collection, NAME_BYTES_MAX), key: bytesUpTo(key, KEY_BYTES_MAX)
  }
  if (kind === 0n) return { ...entry, value: bytesUpTo(what, VALUE_BYTES_MAX) }
  if (kind === 2n) return { ...entry, amount: integer(what, AMOUNT_LEAST, AMOUNT_GREATEST) }
  return entry
}

function readEventsOfCall (value) {
  return list(value, EVENTS_MAX, event => {
    const [name, content] = fields(event, 2)
    return { name: text(name, NAME_BYTES_MAX), content: bytesUpTo(content, EVENT_BYTES_MAX) }
  })
}
