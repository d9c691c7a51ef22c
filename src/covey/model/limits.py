"""Every bound in one place: unit in the name, reason beside it, and what happens beyond it."""

from __future__ import annotations

from typing import Final

__all__: list[str] = []  # read as `limits.NAME`

KIB: Final = 1024
MIB: Final = 1024 * KIB

# -- encoding (protocols/encoding.md) --------------------------------------------------------
ELEMENTS_MAX: Final = 1_024  # of all arrays of an object, time of one decode; more: refused

# -- deltas (protocols/delta.md) -------------------------------------------------------------
DELTA_SIZE_BYTES_MAX: Final = 4 * MIB  # memory of one decode; larger: ProtocolViolation
DELTA_CALLS_MAX: Final = 256  # bounds replay of one delta; the next delta begins
DELTA_PAYLOAD_SOFT_BYTES: Final = 256 * KIB  # a batch takes no further call beyond it
DELTA_HEADER_ELEMENTS_MAX: Final = 4_096  # as ELEMENTS_MAX, more than its fields have together
DELTA_ELEMENTS_MAX: Final = 65_536  # as above, of a payload; more than fuel pays for
DELTA_PARENTS_MAX: Final = 32  # bounds a header; more heads are merged first
DELTA_EFFECTS_MAX: Final = 8_192  # bounds one fold; a delta's fuel pays for fewer
DELTA_GOVERNANCE_MAX: Final = 64  # bounds one fold; larger: ProtocolViolation
DELTA_TIPS_MAX: Final = 32  # of the target of a close; of more, those with the smallest ids
DELTA_WITNESSES_MAX: Final = 8  # deltas that show a notice, of one upgrade; more: ProtocolViolation
UPGRADE_MANIFEST_BYTES_MAX: Final = 48 * KIB  # it stands in a header; larger: ProtocolViolation
CONSTRAINTS_MAX: Final = 32  # in force at one cut; a further `tighten` is inadmissible
EPOCHS_MAX: Final = 32  # as parents; larger: ProtocolViolation
SEQUENCE_MAX: Final = 2**63 - 1  # fits every integer type; larger: ProtocolViolation
METHOD_NAME_BYTES_MAX: Final = 64  # shown to people; larger: refused
CALL_ARGUMENTS_BYTES_MAX: Final = 1 * MIB  # memory of one call; larger: refused
COLLECTION_NAME_BYTES_MAX: Final = 64  # shown to people; larger: the effect traps
KEY_BYTES_MAX: Final = 1 * KIB  # part of every physical key; larger: the effect traps
VALUE_BYTES_MAX: Final = 1 * MIB  # memory of one entry; larger: the effect traps
EVENT_NAME_BYTES_MAX: Final = 64  # shown to people; larger: traps
EVENT_BYTES_MAX: Final = 64 * KIB  # memory of one notice; larger: traps
CALL_EVENTS_MAX: Final = 256  # memory of one call; more: traps
CALL_EFFECTS_MAX: Final = 4_096  # memory of one overlay; more: traps
CALL_RESULT_BYTES_MAX: Final = 4 * MIB  # memory of one reply; larger: traps
CALL_LOG_LINES_MAX: Final = 64  # memory of one call; more are dropped
CALL_LOG_BYTES_MAX: Final = 1 * KIB  # a line is cut here
CALL_SCANS_MAX: Final = 1_024  # handles of one call; more: traps

# -- time ------------------------------------------------------------------------------------
DRIFT_MS_MAX: Final = 30_000  # a delta further ahead of the local clock is delayed, not refused
FRONTIER_FULL_EVERY: Final = 64  # deltas between whole frontiers: bounds the walk to rebuild one

# -- execution (covey-exec/0: the engine's own fuel) -----------------------------------------
CALL_FUEL_MAX: Final = 50_000_000  # about 50 ms; bounds a call and the sum over a delta
QUERY_FUEL_MAX: Final = 20 * CALL_FUEL_MAX  # local only, off the event loop
MEMORY_PAGES_MAX: Final = 256  # 16 MiB; growing beyond fails in the guest
MODULE_SIZE_BYTES_MAX: Final = 1 * MIB  # compile time; larger: refused at installation
TABLE_ELEMENTS_MAX: Final = 10_000  # memory; growing beyond fails in the guest
NATIVE_STACK_BYTES_MAX: Final = 4 * MIB  # more than STACK_SLOTS_MAX takes; deeper: a host fault
VERIFY_FUEL: Final = 60_000  # price of one signature check at host speed
HASH_FUEL_PER_BYTE: Final = 2  # price of sha256
JSON_FUEL_PER_BYTE: Final = 20  # price of a result: it is judged as JSON, 12 to 50 ns a byte
RANDOM_FUEL_PER_BYTE: Final = 5  # price of the seeded stream: SHAKE-256, hashed again as it grows
COPY_FUEL_PER_BYTE: Final = 1  # price of bytes that cross the interface
HOST_CALL_FUEL: Final = 5_000  # price of one crossing: 10 to 15 us of host time
MODULES_CACHED_MAX: Final = 64  # compiled modules in memory; the oldest is dropped
MODULES_CACHED_BYTES_MAX: Final = 8 * MIB  # as above, as installed: native code is 40 times that
EFFECT_FUEL: Final = 2_000  # price of one put, delete or add: it is folded on every node
ENTRY_READ_FUEL: Final = 2_000  # price of looking one entry up in the store
SCAN_FUEL: Final = 10_000  # price of opening a scan
SCAN_ENTRY_FUEL: Final = 500  # price of one entry that a scan returns
SCAN_OVERLAY_FUEL: Final = 50  # price of one unfinished effect that a scan has to remember
BATCH_FUEL_MAX: Final = 4 * CALL_FUEL_MAX  # failed calls too; beyond: the next batch begins
BATCH_WATCHDOG_S: Final = 10.0  # fuel ends any batch before; beyond: a host fault
CALL_PAYLOAD_BYTES_MAX: Final = DELTA_SIZE_BYTES_MAX - 256 * KIB  # of one call; larger: traps
VALIDATE_INPUT_BYTES_MAX: Final = 5_376 * KIB  # of one call; CALL_PAYLOAD_BYTES_MAX keeps it below
RESULT_DEPTH_MAX: Final = 64  # nested arrays and objects of a result; deeper: traps
MESSAGE_BYTES_MAX: Final = 1 * KIB  # of `fail`, shown to people; it is cut here
EXECUTIONS_QUEUED_MAX: Final = 256  # batches and queries for the engine; more: the caller waits
ENGINE_THREAD_STACK_BYTES: Final = 8 * MIB  # room for guest, engine and interpreter
WARM_MEMORY_PAGES_MAX: Final = 8  # 512 KiB; restoring more costs more than a fresh instance
WARM_INSTANCES_MAX: Final = 16  # address space and 1 MiB each; the least recently used goes
MODULE_CACHE_FILES_MAX: Final = 256  # compiled modules on disk; the oldest is removed
MODULE_CACHE_BYTES_MAX: Final = 256 * MIB  # as above, of all of them
MODULE_CACHE_FILE_BYTES_MAX: Final = 64 * MIB  # memory of one load; a larger one is not kept
ABI_SIZE_BYTES_MAX: Final = 128 * KIB  # the section `covey.abi`; larger: refused
MODULE_TYPES_MAX: Final = 1_024  # compile time; more: refused
MODULE_IMPORTS_MAX: Final = 64  # compile time; more: refused
MODULE_FUNCTIONS_MAX: Final = 10_000  # compile time; more: refused
MODULE_GLOBALS_MAX: Final = 1_024  # time of each instantiation; more: refused
MODULE_EXPORTS_MAX: Final = 1_024  # compile time; more: refused
FUNCTION_PARAMETERS_MAX: Final = 128  # compile time; more: refused
FUNCTION_SIZE_BYTES_MAX: Final = 256 * KIB  # compile time grows faster than size; larger: refused
FUNCTION_LOCALS_MAX: Final = 4_096  # stack of one frame; more: refused
FUNCTION_DEPTH_MAX: Final = 512  # nested blocks, compile time; deeper: refused
BRANCH_TARGETS_MAX: Final = 4_096  # of one branch table, compile time; more: refused
MODULE_SEGMENTS_MAX: Final = 10_000  # of data or elements, time of instantiation; more: refused
MEMORY_PAGES_ADDRESSABLE: Final = 65_536  # by 32 bits; a declared maximum beyond: refused
OPERANDS_MAX: Final = 4_096  # values on the operand stack, stack of one frame; more: refused
STACK_SLOTS_MAX: Final = 32_768  # of all frames of a run; a deeper call traps, on every node alike
FRAME_SLOTS: Final = 16  # of every frame, besides its values
FRAME_BYTES_PER_SLOT: Final = 16  # bytes of a function's code for one slot more of its frame
PREPARED_SIZE_BYTES_MAX: Final = 4 * MIB  # rewritten code, compile time; larger: refused
FUNCTION_STRETCHES_MAX: Final = 8_192  # compile time grows with their square; more: refused
MODULE_STRETCHES_MAX: Final = 131_072  # compile time; more: refused
FUNCTION_CARRIED_MAX: Final = 16_384  # values that meet at labels, compile time; more: refused
MODULE_CARRIED_SQUARES_MAX: Final = 1_024 * MIB  # as above, summed over the functions
MODULE_LIVE_MAX: Final = 32 * MIB  # stretches times values alive, compile time; more: refused

# -- bundles ---------------------------------------------------------------------------------
BUNDLE_SIZE_BYTES_MAX: Final = 4 * MIB  # memory of one install; larger: refused
BLOB_SIZE_BYTES_MAX: Final = 1 * MIB  # as IPFS tools serve; larger: refused
MANIFEST_SIZE_BYTES_MAX: Final = 64 * KIB  # larger: refused
CHARTER_SIZE_BYTES_MAX: Final = 64 * KIB  # larger: refused
CHARTER_ADMINS_MAX: Final = 32  # larger: refused
CHARTER_ROLES_MAX: Final = 32  # larger: refused
CHARTER_CONSTRAINTS_MAX: Final = 8  # larger: refused
COLLECTIONS_MAX: Final = 64  # larger: refused
METHODS_MAX: Final = 256  # larger: refused

# -- replica ---------------------------------------------------------------------------------
AUTHORITIES_CACHED_MAX: Final = 64  # words on cuts; the least recently used is worked out again
VOUCHERS_REMEMBERED_MAX: Final = 65_536  # what deltas saw of forks; oldest worked out again
GOVERNANCE_QUEUED_MAX: Final = 64  # wishes of this device that wait for a delta; more: refused
PENDING_DELTAS_MAX: Final = 1_024  # with missing parents; who takes most room gives way first
PENDING_BYTES_MAX: Final = 32 * MIB  # as above
PENDING_PER_DEVICE_MAX: Final = 256  # one device cannot fill the buffer
PENDING_PER_PEER_MAX: Final = 512  # one peer cannot fill the buffer
PENDING_UNMET_PER_DEVICE_MAX: Final = 1_024  # what one device's deltas wait for; as above
PENDING_EXPIRES_S: Final = 60.0  # what nobody supplies the parents of is let go; sync has it
REFUSED_REMEMBERED_MAX: Final = 4_096  # inadmissible ids; forgotten ones are judged again
JUDGED_REMEMBERED_MAX: Final = 16  # admissible deltas between gossip's verdict and the fold
ADMISSIONS_QUEUED_MAX: Final = 256  # requests that wait for a batch; more are turned away
CALLS_QUEUED_MAX: Final = 65_536  # waiting for a batch; more: the caller waits
CALLS_QUEUED_BYTES_MAX: Final = 64 * MIB  # as above
INTAKE_TURN_BYTES: Final = 32 * KIB  # of deltas taken in by one event; the rest by further ones
INTAKE_DELTA_BYTES: Final = 1 * KIB  # what each of them counts for beside its size
INTAKE_PAUSE_S: Final = 0.001  # between two turns: calls and other events come in between
INBOX_WHILE_EXECUTING_MAX: Final = 1_024  # deltas held back; more are dropped, sync refetches
INBOX_WHILE_EXECUTING_BYTES_MAX: Final = 32 * MIB  # as above: deltas of 4 MiB would be 4 GiB
FRONTIERS_CACHED_MAX: Final = 1_024  # recent cuts in memory; older are rebuilt from the store
FRONTIERS_CACHED_TIPS: Final = 1_048_576  # as above, tips of all of them: about 100 MB
GOVERNANCE_HEADS_CACHED_MAX: Final = 128  # sets of ids and their maximal ones; computed again
FORK_BRANCHES_MAX: Final = 65_536  # tips of one device in a frontier: all are kept; more: refused
ASK_AGAIN_S: Final = 2.0  # before missing parents are asked for again
ASKED_REMEMBERED_MAX: Final = 4_096  # ids asked for and when; oldest forgotten: asked again
ASK_IDS_MAX: Final = 64  # ids in one request; the rest follows

# -- gossip ----------------------------------------------------------------------------------
GOSSIP_FRAME_BYTES_MAX: Final = 512 * KIB  # with its envelope; larger deltas go by stream
FRAMES_REMEMBERED_MAX: Final = 8_192  # verdicts by frame hash; oldest forgotten
ANNOUNCE_INTERVAL_S: Final = 3.0  # plus up to half of it as jitter
ANNOUNCE_DEBOUNCE_S: Final = 0.2  # after a change, so that a burst gives one announcement
ANNOUNCE_AGAIN_S: Final = 1.0  # between announcements under constant change
ANNOUNCEMENT_PEERS_MAX: Final = 1_024  # remembered peers' last announcements; oldest forgotten
ANNOUNCEMENT_TTL_S: Final = 30.0  # a peer silent for longer is not claimed to be in sync
ANNOUNCED_HEADS_MAX: Final = 32  # heads in one announcement; the frontier digest covers the rest

# -- sync ------------------------------------------------------------------------------------
SYNC_FRAME_SIZE_BYTES_MAX: Final = 5 * MIB  # a delta and its framing; larger: reset
SYNC_TOLD_BYTES_MAX: Final = 1 * MIB  # a frame without deltas or a blob; larger: reset
SYNC_FRAME_ELEMENTS_MAX: Final = 96 * KIB  # as ELEMENTS_MAX, of kinds 5, 15 and 16; more: reset
SYNC_STRANGER_BYTES_MAX: Final = 128 * KIB  # a frame before any proof, a charter; larger: reset
SYNC_CREDIT_BYTES: Final = 8 * MIB  # in flight towards a receiver, per context
SYNC_CONTEXTS_MAX: Final = 64  # contexts open on one stream; more are refused
SYNC_FRONTIER_DEVICES_MAX: Final = 65_536  # devices in one frontier frame; more: refused
SYNC_PAGE_DELTAS: Final = 64  # deltas read from the store at a time
SYNC_PAGE_BYTES: Final = 1 * MIB  # as above, beyond it by at most one delta; per peer and context
SYNC_BATCH_DELTAS_MAX: Final = 64  # in one frame; the rest follows
SYNC_BATCH_BYTES: Final = 128 * KIB  # a frame takes no further delta beyond it
SYNC_WANTED_MAX: Final = 256  # ids that a peer wants and did not get yet; more: it asks again
SYNC_RANGES_MAX: Final = 1_024  # ranges of devices in one frame; more: at the next comparison
SYNC_FINGERPRINTS_MAX: Final = 16_384  # of parts of ranges in one frame; more: as above
SYNC_RANGES_DEVICES_MIN: Final = 64  # fewer devices here: the whole frontier is told
SYNC_RANGE_DEVICES: Final = 8  # about so many are listed of a range; with over twice it is split
SYNC_LISTED_TIPS_MAX: Final = 4_096  # of devices in ranges, in one frame; more: as above
SYNC_TIPS_UNKNOWN_MAX: Final = 16  # of a device, looked up beyond as many as are here; more are not
SYNC_RANGES_BYTES_PER_S: Final = 256 * KIB  # of answers to one peer; beyond: none for now
SYNC_SOURCES_MAX: Final = 8  # peers that stream one context to this node at once
SYNC_SHARE_AFTER_DELTAS: Final = 256  # of one peer, before others take a share
SYNC_SHARE_AFTER_S: Final = 15.0  # as above, however few there were
SYNC_WORTH_BYTES: Final = 16 * KIB  # so many bytes of a delta count as one delta more
SYNC_SOURCE_SILENT_S: Final = 2.0  # a chosen peer that sends no news for so long is passed over
SYNC_SOURCE_ALONE_S: Final = 10.0  # as above, where there is no other
SYNC_SOURCE_AGAIN_S: Final = 30.0  # before it is chosen again; doubles each time it is passed over
SYNC_SOURCE_AGAIN_S_MAX: Final = 600.0  # as above, at most
SYNC_FRUITLESS_S: Final = 5.0  # in which what was asked for must begin to be applied
SYNC_WORTH_MIN: Final = 16  # deltas in that time; fewer: others are asked
SYNC_LAG_MAX: Final = 4  # times less than others: a peer's share holds them up, it is passed over
SYNC_KNOWN_BYTES_MAX: Final = 32 * MIB  # deltas of one peer that are known here; beyond: it ends
SYNC_KNOWN_BYTES_PER_S: Final = 1 * MIB  # as above, forgiven by the second
SYNC_LATELY_MAX: Final = 256  # ids handed over of one peer; again they count as known
SYNC_WALK_ROWS: Final = 2_048  # of the log, looked at between two turns of the event loop
SYNC_MERGED_DEVICES_MAX: Final = 4_096  # chains followed one by one; more: the log is walked
SYNC_FORK_LOOKAHEAD: Final = 1_024  # deltas of a forked device that are ordered by arrival
SYNC_PEERS_MAX: Final = 16  # told in one frame; more: refused
SYNC_PEER_ADDRESSES_MAX: Final = 8  # of one of them; more: refused
SYNC_PEERS_AGAIN_S: Final = 10.0  # between two answers to one peer; sooner: none are told
SYNC_INTERVAL_S: Final = 5.0  # frontier comparison on an open stream
SYNC_HELLO_S: Final = 10.0  # a peer that does not greet in time is dropped
SYNC_REQUESTS_PER_S_MAX: Final = 50  # requests a peer may make; beyond: it waits
JOIN_ASK_S: Final = 5.0  # one member's answer, and its admission; beyond: it is not waited for
JOIN_NEXT_S: Final = 1.5  # without an answer; then another member is asked too
JOIN_PROMISES_MAX: Final = 2  # admissions waited for so long; of further ones JOIN_NEXT_S
JOIN_WAIT_S: Final = 30.0  # `join` answers by then, admitted or not
ADMISSION_WAIT_S: Final = 10.0  # a call before admission waits so long
SYNC_STREAMS_MAX: Final = 256  # open sync streams of one node; more are refused
SYNC_STREAMS_PER_PEER_MAX: Final = 4  # as above, of one peer: an older one may still be ending

# -- network ---------------------------------------------------------------------------------
STREAM_CHUNK_BYTES_MAX: Final = 256 * KIB  # larger single writes stall the multiplexer
PEERS_REMEMBERED_MAX: Final = 1_024  # addresses kept over restarts; oldest forgotten
PEERS_KNOWN_MAX: Final = 1_024  # with addresses and keys; the oldest unconnected is forgotten
PEER_ADDRESSES_MAX: Final = 16  # known of one peer; those told longest ago are forgotten
PEER_ADDRESS_BYTES_MAX: Final = 256  # of one of them; longer ones are ignored
PEER_PROTOCOLS_MAX: Final = 64  # noted of one peer; the rest are ignored
PEER_PROTOCOL_BYTES_MAX: Final = 128  # name of one of them; longer ones are ignored
PEER_RECORD_BYTES_MAX: Final = 8 * KIB  # that a peer signed of itself; larger: refused

# -- recorded traces (testkit) ---------------------------------------------------------------
TRACE_SIZE_BYTES_MAX: Final = 64 * MIB  # as JSON, memory of one load; larger: refused
TRACE_AGENTS_MAX: Final = 64  # each is a node of the demo; more: refused
TRACE_TRANSACTIONS_MAX: Final = 1_000_000  # memory of one load; more: refused

# -- network: connections, gossip, discovery --------------------------------------------------
CONNECTIONS_MAX: Final = 256  # sockets and their buffers; more are refused
CONNECTIONS_PER_HOST_MAX: Final = 64  # from one address, handshakes too; more are closed
CONNECTIONS_PER_PEER_MAX: Final = 2  # both sides may dial at once; older ones are dropped
DIALS_AT_ONCE_MAX: Final = 16  # handshakes in flight; more wait
DIAL_ADDRESSES_MAX: Final = 8  # addresses tried of one peer; the rest are ignored
DIALS_IN_VAIN_MAX: Final = 32  # of one host in a row; beyond: it is not dialled for now
DIALS_IN_VAIN_PER_S: Final = 0.25  # as above, forgiven by the second
NAMES_RESOLVED_AT_ONCE_MAX: Final = 4  # host names of named addresses; a thread each, more wait
DIAL_STAGGER_S: Final = 0.15  # before a peer's next address is tried beside the first
DIAL_TIMEOUT_S: Final = 10.0  # one address; beyond: the next one
STREAM_OPEN_TIMEOUT_S: Final = 10.0  # negotiation with a connected peer; beyond: unavailable
REDIAL_FIRST_S: Final = 0.5  # doubled after each failure, with jitter
REDIAL_SLOWEST_S: Final = 30.0  # a returned peer is found within this
REDIAL_FOR_EVER_SLOWEST_S: Final = 5.0  # of pinned peers: few, the way back to all others
LAN_PEERS_MAX: Final = 64  # announced on the local network at a time; more are not looked for
LAN_NEWS_MAX: Final = 256  # announcements waiting to be looked at; more are dropped
LAN_DIALS_MAX: Final = 4  # of those announced there, at once
LAN_REDIAL_S: Final = 5.0  # doubled after each failure, to 160
LAN_LOOK_S: Final = 2.0  # without news: how often to look whom to dial
KEEPALIVE_INTERVAL_S: Final = 3.0  # a silent connection is pinged so often
KEEPALIVE_TIMEOUT_S: Final = 9.0  # nothing heard for so long: the connection is dropped
LATENCY_INTERVAL_S: Final = 30.0  # a busy connection's round trip is measured so often
IDENTIFY_BYTES_MAX: Final = 64 * KIB  # what a peer says of itself; larger: it stays unknown
AGENT_CHARS_MAX: Final = 64  # name of a peer's program, shown to people; it is cut here
STALE_CHECK_S: Final = 2.0  # an older connection of a peer that returned must answer in this
MUXER_STREAMS_MAX: Final = 256  # open streams a peer may have on one connection; more are reset
MUXER_WINDOW_BYTES: Final = 1 * MIB  # unread bytes of one stream; more: connection dropped
MUXER_OUT_BYTES_MAX: Final = 256 * KIB  # unsent bytes of one connection; writers wait
MUXER_REPLIES_BYTES_MAX: Final = 64 * KIB  # unsent replies; beyond: the connection is dropped
MUXER_UNREAD_BYTES_MAX: Final = 16 * MIB  # of all streams of a connection; beyond: it is dropped
STREAM_QUEUE_BYTES_MAX: Final = 1 * MIB  # unsent frames of one stream; `send` waits
STREAM_STALL_S: Final = 20.0  # a peer that takes nothing of a stream for so long: it is reset
STREAM_CLOSE_S: Final = 2.0  # what is queued may leave in this time, then reset
NETWORK_CLOSE_S: Final = 5.0  # closing all connections; beyond: the sockets are dropped
RELAY_MESSAGE_BYTES_MAX: Final = 4 * KIB  # a few addresses; larger: stream reset
RELAY_HANDSHAKE_S: Final = 10.0  # relay and peer agree on a circuit; beyond: it failed
RELAY_RESERVATION_S: Final = 3_600.0  # a place at a relay, renewed at half of it
RELAY_RESERVATIONS_MAX: Final = 128  # peers a relay keeps a place for; more are refused
RELAY_RESERVATIONS_PER_ADDRESS_MAX: Final = 16  # of one IP address: one home takes not all
RELAY_CIRCUITS_MAX: Final = 128  # a relay carries at once; more are refused
RELAY_CIRCUITS_PER_PEER_MAX: Final = 16  # as above, of one peer
RELAY_CIRCUIT_BYTES_MAX: Final = 256 * MIB  # in both directions; beyond: it ends, peers dial anew
RELAY_CIRCUIT_S: Final = 7_200.0  # as above
RELAYS_MAX: Final = 2  # a node has places at; one may go away
RELAY_PLACES_WAIT_S: Final = 3.0  # without an inbound connection before a node asks for a place
RELAY_DIAL_AFTER_S: Final = 2.0  # direct addresses are tried alone, then relays beside them
PUNCHES_AT_ONCE_MAX: Final = 4  # relayed connections being made direct; more wait
PUNCH_S: Final = 5.0  # one attempt to make a relayed connection direct
PUNCH_PAUSES_S: Final = (0.5, 0.5, 5.0, 90.0)  # before each; ports of an ended one rest a minute
GOSSIP_RPC_BYTES_MAX: Final = 1 * MIB  # as other implementations; larger: stream reset
GOSSIP_WRITE_BYTES_MAX: Final = 48 * KIB  # queued RPCs that leave in one write
GOSSIP_QUEUE_FRAMES_MAX: Final = 8_192  # unsent RPCs of one peer; `publish` waits
GOSSIP_QUEUE_BYTES_MAX: Final = 16 * MIB  # as above; forwarding drops, sync repairs
GOSSIP_STALL_S: Final = 10.0  # a peer that takes nothing for so long is disconnected
GOSSIP_DEGREE: Final = 8  # peers in the mesh of a topic, as GossipSub's authors advise
GOSSIP_DEGREE_MAX: Final = 64  # as a context's settings may say; more: refused
GOSSIP_TOPICS_MAX: Final = 1_024  # subscriptions of one peer; more are ignored
GOSSIP_TOPIC_BYTES_MAX: Final = 256  # name of a topic; longer ones are ignored
GOSSIP_SEEN_MAX: Final = 131_072  # message ids remembered; oldest forgotten
GOSSIP_SEEN_S: Final = 120.0  # as other implementations
GOSSIP_MESSAGES_PER_S_MAX: Final = 5_000  # of one peer; beyond: reading it waits
GOSSIP_TURN_S: Final = 0.005  # work on messages of one peer; then it is others' turn
GOSSIP_FRUITLESS_S_MAX: Final = 1.0  # work of one peer's that is not accepted; then it waits
GOSSIP_FRUITLESS_SHARE: Final = 0.2  # of the time, as above, once that is used up
GOSSIP_REJECTS_MAX: Final = 16.0  # halved every minute; beyond: the peer's frames are not read
GOSSIP_REJECTS_HALVED_S: Final = 60.0  # how fast a peer is forgiven
GOSSIP_CONTROL_FRAMES_MAX: Final = 1_024  # unsent control RPCs of one peer; more are dropped
GOSSIP_IDS_MAX: Final = 5_000  # message ids in one IHAVE or IWANT; the rest are ignored
GOSSIP_CACHE_BYTES_MAX: Final = 16 * MIB  # recent messages kept for peers that ask; more are not
GOSSIP_CACHE_MESSAGES_MAX: Final = 32_768  # as above, each with some 300 bytes of bookkeeping
GOSSIP_TOPICS_KNOWN_MAX: Final = 16_384  # topics of others, of all peers; more are ignored
GOSSIP_RPC_MESSAGES_MAX: Final = 8_192  # as many as fit into the bytes; more: stream reset
GOSSIP_CONTROLS_MAX: Final = 4_096  # subscriptions, grafts, … of a peer a heartbeat; more: ignored
GOSSIP_OFFERS_MAX: Final = 10  # RPCs with IHAVE of a peer a heartbeat; more are ignored
GOSSIP_ANSWERS_MAX: Final = 512  # messages sent to a peer that asks, a heartbeat; more are not
GOSSIP_ANSWERS_BYTES_MAX: Final = 4 * MIB  # as above: asking must not amplify
GOSSIP_RETRANSMISSIONS_MAX: Final = 3  # times one message is sent to a peer that asks
GOSSIP_RECORDS_MAX: Final = 2  # new address records of a peer a heartbeat; more are ignored
GOSSIP_PROMISE_S: Final = 3.0  # what was offered and asked for must arrive in this time
GOSSIP_BACKOFF_S_MAX: Final = 600.0  # a peer's wish not to be grafted; longer ones are cut
GOSSIP_PRUNED_DEMERITS: Final = 4.0  # beyond: the peer has no place in the mesh
GOSSIP_BANNED_DEMERITS: Final = 32.0  # beyond: the peer is disconnected and refused
GOSSIP_BANNED_S: Final = 300.0  # for so long
DISCOVERY_FIRST_S: Final = 0.4  # between lookups at first; grows by half each time
DISCOVERY_SLOWEST_S: Final = 60.0  # between lookups later, with jitter
DISCOVERY_ANNOUNCE_S: Final = 600.0  # between announcements of one key
DISCOVERY_HEAD_START_S: Final = 1.0  # for a found peer, before the lookup goes on
DISCOVERY_PACE_S: Final = 1.1  # between announcements: peers accept 10 in 10 s
DISCOVERY_DIALS_MAX: Final = 16  # found peers dialled after one lookup; the rest next time
PROVIDERS_MAX: Final = 64  # peers kept of one lookup; the rest are ignored
PROVIDER_KEYS_MAX: Final = 8_192  # keys that others announced here; oldest forgotten
PROVIDERS_QUERY_S: Final = 5.0  # one peer's answer; beyond: the others decide
PROVIDERS_QUERIES_MAX: Final = 20  # peers asked in one lookup
DHT_STREAMS_MAX: Final = 64  # that are served at once; more are reset
DHT_STREAMS_PER_PEER_MAX: Final = 4  # as above, of one peer
DHT_STREAM_S: Final = 30.0  # a stream of questions is served so long; then reset
REMEMBER_INTERVAL_S: Final = 10.0  # between writes of the remembered peers
PEERS_WANTED_MAX: Final = 64  # connected peers; with more, met peers are not redialled

# -- store -----------------------------------------------------------------------------------
STORE_WRITE_BUFFER_BYTES: Final = 8 * MIB  # twice this in memory; full: written out as a table
STORE_CACHE_BYTES: Final = 16 * MIB  # decoded blocks; the least recently used is dropped
STORE_OPEN_FILES_MAX: Final = 256  # leaves descriptors to sockets; least recently used closed
STORE_BLOOM_BITS: Final = 10  # a key: 1 % of misses read a block in vain
STORE_DROP_ROWS: Final = 1_024  # rows forgotten in one write, between which others may write
STORE_PAGE_ROWS: Final = 64  # rows a scan reads ahead under its lock; of 1 MiB each at most
STORE_KEY_BYTES_MAX: Final = 4 * KIB  # escaped key parts and all; longer: a broken invariant
STORE_CONTEXTS_MAX: Final = 2**31 - 1  # local numbers ever given; more: StoreError

# -- node ------------------------------------------------------------------------------------
LOCAL_NAME_BYTES_MAX: Final = 128  # of a context on this node; longer: refused
CONTEXT_INBOX_MAX: Final = 1_024  # events that wait for one context; senders wait, gossip is lost
CONTEXT_HEARD_BYTES_MAX: Final = 32 * MIB  # frames of gossip among them; more are lost
CONTEXT_OUTBOX_MAX: Final = 256  # envelopes that wait for the network; the context waits
PUBLISH_WAIT_S: Final = 1.0  # then the envelope is dropped; sync brings what it carried
LOG_PAGE_ROWS: Final = 256  # of the log, read and decoded in one turn; more: the next page
WATCH_QUEUE_MAX: Final = 4_096  # notices that wait for one watcher; beyond, it is cut off
CONTEXT_PEERS_MAX: Final = SYNC_STREAMS_MAX  # that a context syncs with; its settings say fewer
CONTEXT_LIST_PEERS_MAX: Final = 256  # peers on an allow or a deny list; more: refused
CONTEXT_STATIC_MAX: Final = 16  # addresses that are always dialled for a context; more: refused
LINK_OUTBOX_BYTES_MAX: Final = 2 * MIB  # answers that wait for one peer; its requests wait then
LINK_RETRY_S: Final = 2.0  # before a sync stream that broke is opened again; doubles to a minute
EXCHANGE_INTERVAL_S: Final = 60.0  # between questions for more peers of one context, with jitter
EXCHANGE_DIALS_MAX: Final = 4  # peers that others told of, dialled at once; the rest wait
EXCHANGE_PEERS_ENOUGH: Final = 32  # that share a context; with so many nobody is asked for more
EXCHANGE_FAILED_S: Final = 600.0  # before one that did not answer is dialled at others' word again
ASK_S: Final = 30.0  # one peer's answer to a question; beyond: it may be asked again
ASK_NEXT_S: Final = 0.25  # without an answer; then another peer is asked too
ASK_HELPFUL_S: Final = 5.0  # as above, of a peer that answered before
ASK_SILENT_S: Final = 2.0  # without an answer: a peer takes no place, and is asked last next time
ASK_REST_S: Final = 0.5  # before a peer that has no answer is asked again
ASKED_AT_ONCE_MAX: Final = 8  # peers asked one question that are not silent yet
LINK_FRUITLESS_S_MAX: Final = 2.0  # of frames of one peer that bring no news; then it waits
LINK_FRUITLESS_SHARE: Final = 0.2  # of the time, as above, once that is used up

# -- HTTP interface --------------------------------------------------------------------------
API_REQUEST_BYTES_MAX: Final = BUNDLE_SIZE_BYTES_MAX  # memory of one request; larger: refused
API_BATCH_BYTES_MAX: Final = 64 * MIB  # memory of one batch; beyond: it ends with an error
API_BATCH_LINE_BYTES_MAX: Final = 1 * MIB  # memory of one call; longer: this line is refused
API_BATCH_SEND_BYTES: Final = 16 * MIB  # a client starts its next request beyond it
API_REPLY_BUFFER_BYTES: Final = 256 * KIB  # replies unsent; a batch waits, a watcher falls behind
API_CONNECTIONS_MAX: Final = 256  # sockets of commanders; more are closed at once
API_HEADERS_BYTES_MAX: Final = 16 * KIB  # memory of one request line and its headers
API_HEARTBEAT_S: Final = 10.0  # between empty lines of a silent watch: shows that it lives
API_SILENCE_S: Final = 30.0  # a stream without heartbeat for so long is dead for its client
API_STALL_S: Final = 30.0  # a client that takes or sends nothing for so long is disconnected
API_KEEP_ALIVE_S: Final = 75.0  # an idle connection is closed after it
API_DRAIN_S: Final = 1.0  # a refused request may finish sending, so that it reads the answer
API_STOP_S: Final = 1.5  # requests may finish when the node stops; beyond: cut off
API_LOG_ROWS_MAX: Final = 1_000  # rows of one page; more: the next page

# -- workbench (tools for authors) -----------------------------------------------------------
WORKBENCH_STATE_BYTES_MAX: Final = 64 * MIB  # of a state as JSON, memory of one load; refused
WORKBENCH_SUITE_BYTES_MAX: Final = 1 * MIB  # of an application's own tests; larger: refused
WORKBENCH_PLAN_BYTES_MAX: Final = 4 * MIB  # of a counterexample, or calls to draw from; refused
WORKBENCH_CALLS_MAX: Final = 10_000  # given calls that a run draws from; more: refused
CONFORMANCE_RUNS_MAX: Final = 1_000_000  # of one command; more: refused
CONFORMANCE_CALLS_MAX: Final = 250  # of one run, fewer than a replica lets wait; more: refused
CONFORMANCE_STEPS_MAX: Final = 4_000  # of one run: calls and deliveries; more are left out
CONFORMANCE_ATTEMPTS_MAX: Final = 2_000  # to make a counterexample smaller; then it stays

# -- simulator (testkit) ---------------------------------------------------------------------
SIM_NODES_MAX: Final = 2_000  # of one world, memory of all their stores; more: refused
SIM_CALLS_MAX: Final = 100_000  # of one seed; more: refused
SIM_SEEDS_MAX: Final = 10_000_000  # of one command; more: refused
SIM_SEED_MAX: Final = 2**53  # what every reader of JSON keeps; more: refused
SIM_JOBS_MAX: Final = 256  # processes of one command; more: refused
SIM_SCENARIO_BYTES_MAX: Final = 64 * KIB  # memory of one load; larger: refused
SIM_SCENARIO_DEPTH_MAX: Final = 8  # tables in one another; reading takes their square; refused
SIM_RESULT_BYTES_MAX: Final = 1 * MIB  # of a line of a results file, memory of one; refused
SIM_PLAN_BYTES_MAX: Final = 64 * MIB  # as above, of a kept schedule
SIM_SHRINK_RUNS_MAX: Final = 600  # to make a failing schedule smaller; then it stays
SIM_TRACE_LINES: Final = 40  # of a failing seed, the last ones; older are forgotten
