"""Cost and latency of gossip between processes: printed, with bounds that a regression breaks."""

from __future__ import annotations

import statistics
import sys

import pytest

TOPIC = "/covey/1/speed"
MESSAGES = 2_000


async def _meet(publisher, receivers) -> None:
    for program in (publisher, *receivers):
        await program.ask("subscribe", topic=TOPIC)
    for index, receiver in enumerate(receivers):
        for other in (publisher, *receivers[:index]):
            await receiver.ask("dial", address=other.address)
    for program in (publisher, *receivers):
        await program.until(
            "topic_peers", lambda said: len(said["peers"]) == len(receivers), topic=TOPIC
        )


async def _received(program, count: int) -> None:
    await program.until("frames", lambda said: said["distinct"] == count)


@pytest.mark.trio
async def test_cpu_of_a_small_message(start_program):
    """py-libp2p's own costs 3.0/3.3 ms a message; js-libp2p 0.31/0.36."""
    publisher, receiver = start_program(1), start_program(2)
    await _meet(publisher, [receiver])
    before = [(await program.ask("cpu"))["cpu_s"] for program in (publisher, receiver)]
    await publisher.ask("publish", topic=TOPIC, count=MESSAGES, size=250)
    await _received(receiver, MESSAGES)
    after = [(await program.ask("cpu"))["cpu_s"] for program in (publisher, receiver)]
    sent_ms, received_ms = (
        (end - start) * 1000 / MESSAGES for start, end in zip(before, after, strict=True)
    )
    sys.stdout.write(
        f"\n256 B message: {sent_ms:.3f} ms CPU publisher, {received_ms:.3f} ms receiver\n"
    )
    assert sent_ms < 1.0
    assert received_ms < 1.0


@pytest.mark.trio
async def test_latency_among_four_nodes(start_program):
    """One KiB at 100 messages a second, on loopback."""
    programs = [start_program(number) for number in range(1, 5)]
    await _meet(programs[0], programs[1:])
    await programs[0].ask("publish_stamped", topic=TOPIC, count=300, size=1024, pause_s=0.01)
    all_ms: list[float] = []
    for program in programs[1:]:
        await _received(program, 300)
        answer = await program.ask("latencies")
        assert len(answer["ms"]) == 300
        all_ms += answer["ms"]
    p50, p99 = statistics.median(all_ms), statistics.quantiles(all_ms, n=100)[98]
    sys.stdout.write(f"\n1 KiB among four nodes: p50 {p50:.2f} ms, p99 {p99:.2f} ms\n")
    assert p50 < 20
