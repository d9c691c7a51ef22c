"""The attacker's side of a sync stream, and deltas by its own hand."""

from __future__ import annotations

import secrets
import time
from collections import deque
from dataclasses import replace
from typing import Any

import trio
from libp2p.abc import INetStream

from covey.codec import (
    AdmitAnswer,
    AdmitAsk,
    Credit,
    DeltasFrame,
    FrontierFrame,
    Hello,
    Know,
    Member,
    SyncFrame,
    decode_delta,
    decode_frame,
    encode_frame,
    encode_payload,
    make_delta,
    open_batch,
    pack_batch,
)
from covey.crypto import Greeting, device_proof_message, knowledge_proof
from covey.model import (
    Admit,
    Call,
    ContextId,
    Core,
    Delta,
    DeltaId,
    Digest,
    Payload,
    PeerId,
    Put,
    ReleaseId,
    limits,
    next_time,
)
from covey.testkit.identities import Identity, identity
from tests.integration.attackers.raw import Attacker

__all__ = ["SYNC", "Author", "Talk", "join", "open_talk"]

SYNC = "/covey/sync/1.0.0"
_NOTHING = Digest(bytes(32))
_HEARD_MAX = 10_000
_ANSWER_S = 20.0


class Talk:
    """One sync stream to the victim; what it answers is kept."""

    def __init__(self, stream: INetStream, own: PeerId, victim: PeerId, context: ContextId) -> None:
        self.context = context
        self.heard: deque[SyncFrame] = deque(maxlen=_HEARD_MAX)
        self.heard_bytes = 0
        self.credit_bytes = limits.SYNC_CREDIT_BYTES
        self.is_ended = False
        self._stream = stream
        self._nonce = secrets.token_bytes(32)
        self._own, self._victim = own, victim
        self._greeting: Greeting | None = None
        self._changed = trio.Event()
        self._listening = trio.CancelScope()

    async def write(self, raw: bytes) -> None:
        """Bytes as they are."""
        await self._stream.write(raw)

    async def send(self, *frames: SyncFrame | bytes) -> None:
        """Frames, in one write."""
        packed = [f if isinstance(f, bytes) else encode_frame(f) for f in frames]
        await self.write(b"".join(len(p).to_bytes(4, "big") + p for p in packed))

    async def send_deltas(self, *frames: bytes) -> None:
        """Delta frames as one batch."""
        await self.send(DeltasFrame(1, pack_batch(frames)))

    async def send_batch(self, batch: bytes, size_bytes: int) -> None:
        """A frame of deltas, when there is credit for them."""
        while self.credit_bytes < size_bytes and not self.is_ended:
            self._changed = trio.Event()
            await self._changed.wait()
        self.credit_bytes -= size_bytes
        await self.send(batch)

    async def greet(self, who: Identity | None = None) -> None:
        """Hello, the proof that the context is known, and a device's if there is one."""
        await self.send(Hello(1, self._nonce))
        hello = await self.answer(Hello)
        assert isinstance(hello, Hello)
        self._greeting = Greeting(self._own, self._victim, self._nonce, hello.nonce)
        await self.send(Know(1, knowledge_proof(self.context, self._greeting)))
        if who is not None:
            message = device_proof_message(self.context, self._greeting)
            await self.send(Member(1, who.device, who.signer.sign(message)))

    async def answer(self, kind: type[SyncFrame]) -> SyncFrame:
        """The next frame of a kind; others before it are dropped. TooSlowError if there is none."""
        with trio.fail_after(_ANSWER_S):
            while True:
                while self.heard:
                    frame = self.heard.popleft()
                    if isinstance(frame, kind):
                        return frame
                assert not self.is_ended, f"the stream ended before a {kind.__name__}"
                self._changed = trio.Event()
                await self._changed.wait()

    async def ended(self, within_s: float = _ANSWER_S) -> bool:
        """Whether the victim ends the stream in time."""
        with trio.move_on_after(within_s):
            while not self.is_ended:
                self._changed = trio.Event()
                await self._changed.wait()
        return self.is_ended

    def stop_listening(self) -> None:
        """Read no more: what the victim says piles up on its side."""
        self._listening.cancel()

    async def listen(self) -> None:
        """Read until the end; a task."""
        with self._listening:
            await self._listen()

    async def _listen(self) -> None:
        buffer = bytearray()
        try:
            while received := await self._stream.read(65_536):
                buffer += received
                self.heard_bytes += len(received)
                while len(buffer) >= 4:
                    end = 4 + int.from_bytes(buffer[:4], "big")
                    if len(buffer) < end:
                        break
                    self.heard.append(frame := decode_frame(bytes(buffer[4:end])))
                    if isinstance(frame, Credit):
                        self.credit_bytes += frame.size_bytes
                    del buffer[:end]
                self._changed.set()
        except Exception:  # noqa: BLE001 - however it ends, it has ended
            pass
        finally:
            self.is_ended = True
            self._changed.set()

    async def close(self) -> None:
        """End it."""
        await self._stream.reset()


async def open_talk(
    attacker: Attacker, context: ContextId, nursery: trio.Nursery, who: Identity | None = None
) -> Talk:
    """A greeted stream; its listener runs in the nursery."""
    victim = PeerId(attacker.victim.to_base58())
    talk = Talk(await attacker.open(SYNC), attacker.peer, victim, context)
    nursery.start_soon(talk.listen)
    await talk.greet(who)
    return talk


class Author:
    """A member's device that writes one chain of valid deltas, and forks it when it likes."""

    def __init__(
        self, context: ContextId, release: ReleaseId, who: Identity, admission: Delta
    ) -> None:
        self.who = who
        self._context = context
        self._release = release
        self._admission = admission
        self._last: Delta | None = None

    def write(self, value: bytes = b"x", *, keep: bool = True, **wrong: Any) -> Delta:
        """The next delta. keep: it continues the chain. wrong: fields of the core."""
        last = self._last
        before = self._admission.core.time if last is None else last.core.time
        core = Core(
            author=self.who.device,
            sequence=1 if last is None else last.core.sequence + 1,
            previous=None if last is None else last.id,
            parents=(self._admission.id,) if last is None else (),
            gov_parents=(self._admission.id,),
            time=next_time(int(time.time() * 1000), before),
            release=self._release,
            epochs=(),
            fuel=(1,),
            governance=(),
        )
        put = Put("entries", b"mallory", value)
        sealed = encode_payload(Payload((Call("set", b"{}"),), ((put,),), ((),)))
        delta = make_delta(
            self._context,
            replace(core, **wrong),
            sealed,
            self.who.signer,
        )
        if keep:
            self._last = delta
        return delta

    def orphan(self, value: bytes = b"x") -> Delta:
        """A delta whose parent nobody has."""
        parent = DeltaId(secrets.token_bytes(32))
        return self.write(
            value, keep=False, previous=parent, sequence=2 + secrets.randbelow(2**62), parents=()
        )


async def join(talk: Talk, release: ReleaseId, name: str = "mallory") -> Author:
    """Have the victim admit a device of the attacker, as any open context does."""
    who = identity(name)
    await talk.send(AdmitAsk(1, who.certificate, who.join(talk.context)))
    answer = await talk.answer(AdmitAnswer)
    assert isinstance(answer, AdmitAnswer)
    assert not answer.reason, answer.reason
    await talk.send(FrontierFrame(1, {}, _NOTHING))
    while True:
        frame = await talk.answer(DeltasFrame)
        assert isinstance(frame, DeltasFrame)
        for packed in open_batch(frame.batch, limits.SYNC_CREDIT_BYTES):
            delta = decode_delta(talk.context, packed)
            for effect in delta.core.governance:
                if isinstance(effect, Admit) and effect.certificate.device == who.device:
                    return Author(talk.context, release, who, delta)
