"""The simulated network: what each fault does to messages, and that it ends with the fault."""

from __future__ import annotations

from collections import Counter

import pytest

from covey.testkit.sim.clock import Clock
from covey.testkit.sim.faults import (
    Bandwidth,
    Delay,
    Duplicate,
    Fault,
    Flapping,
    Loss,
    Partition,
    Reorder,
    SlowPeer,
)
from covey.testkit.sim.links import LONGEST_WAY_S, Links
from tests.unit.testkit.sim.worlds import small_plan

COUNT = 400


class Network:
    """Three nodes' links under some faults, and what arrived when."""

    def __init__(self, *faults: Fault) -> None:
        self.clock = Clock()
        self.met: Counter[str] = Counter()
        self.links = Links(small_plan(*faults), self.clock, self._meet)
        self.arrived: dict[int, list[float]] = {}
        self.lost: list[int] = []

    def _meet(self, kind: str) -> None:
        self.met[kind] += 1

    def pass_time(self, until_s: float) -> None:
        """Let everything happen that is due by then."""
        while self.clock.step(until_s):
            pass

    def send(self, source: str, target: str, number: int = 0, size_bytes: int = 100) -> None:
        """A datagram; `arrived` tells when it came."""
        self.links.send(source, target, size_bytes, lambda: self._note(number))

    def stream(self, source: str, target: str, number: int = 0, size_bytes: int = 100) -> None:
        """Part of a stream; `lost` tells if it did not come."""
        self.links.stream(
            source, target, size_bytes, lambda: self._note(number), lambda: self.lost.append(number)
        )

    def send_many(self, source: str = "n0", target: str = "n1") -> None:
        """Datagrams, all at once, and time for them to arrive."""
        for number in range(COUNT):
            self.send(source, target, number)
        self.pass_time(self.clock.now + LONGEST_WAY_S)

    def _note(self, number: int) -> None:
        self.arrived.setdefault(number, []).append(self.clock.now)


def test_links_without_faults_carry_everything_once() -> None:
    """Whatever else is seen here is the faults' doing."""
    network = Network()
    network.send_many()
    assert {len(times) for times in network.arrived.values()} == {1}
    assert len(network.arrived) == COUNT
    times = [times[0] for times in network.arrived.values()]
    assert 0.03 < sum(times) / COUNT < 0.08
    assert network.met == {}


@pytest.mark.parametrize("probability", [0.05, 0.5])
def test_loss_takes_its_share_of_datagrams_and_no_part_of_a_stream(probability: float) -> None:
    """Streams are TCP: the kernel sends again what is lost."""
    network = Network(Loss(0.0, 20.0, probability))
    network.pass_time(0.1)
    network.send_many()
    assert network.met["loss"] == COUNT - len(network.arrived)
    assert 0.6 * probability < network.met["loss"] / COUNT < 1.4 * probability
    network = Network(Loss(0.0, 20.0, probability))
    network.pass_time(0.1)
    for number in range(COUNT):
        network.stream("n0", "n1", number)
    network.pass_time(15.0)
    assert len(network.arrived) == COUNT
    assert network.lost == []


def test_duplicates_arrive_twice() -> None:
    """Gossip hears a frame again long after it was forgotten, or right away."""
    network = Network(Duplicate(0.0, 20.0, 0.3))
    network.pass_time(0.1)
    network.send_many()
    counts = Counter(len(times) for times in network.arrived.values())
    assert counts[1] + counts[2] == COUNT
    assert counts[2] == network.met["duplicate"]
    assert 0.2 < counts[2] / COUNT < 0.4


def test_reordered_datagrams_are_overtaken_by_at_most_three_seconds() -> None:
    """Those that are held back come within the bound that the checkers rely on."""
    network = Network(Reorder(0.0, 20.0, 0.3))
    network.pass_time(0.1)
    network.send_many()
    late = [times[0] for times in network.arrived.values() if times[0] > 1.0]
    assert len(network.arrived) == COUNT
    assert 0.1 < len(late) / COUNT < 0.3
    assert max(late) < 0.1 + 3.0 + 1.0


def test_delay_and_slow_peers_stay_below_the_longest_way() -> None:
    """What is promised of healing counts on it."""
    network = Network(Delay(0.0, 20.0, 1.5), SlowPeer(0.0, 20.0, "n1", 12.0))
    network.pass_time(0.1)
    network.send_many()
    times = [times[0] - 0.1 for times in network.arrived.values()]
    assert len(times) == COUNT
    assert max(times) <= 8.0
    assert sum(times) / COUNT > 1.5
    assert network.met == {"delay": COUNT, "slow-peer": COUNT}


def test_slow_peer_slows_both_directions_and_nobody_else() -> None:
    """One old telephone must not look like a slow network."""
    means = {}
    for pair in (("n0", "n1"), ("n1", "n0"), ("n0", "n2")):
        network = Network(SlowPeer(0.0, 20.0, "n1", 12.0))
        network.pass_time(0.1)
        network.send_many(*pair)
        means[pair] = sum(times[0] - 0.1 for times in network.arrived.values()) / COUNT
    assert means["n0", "n1"] > 0.4
    assert means["n1", "n0"] > 0.4
    assert means["n0", "n2"] < 0.1


def test_one_way_partition_cuts_one_direction() -> None:
    """A firewall: they hear us, we do not hear them."""
    network = Network(Partition(1.0, 5.0, ("n0",), is_one_way=True))
    network.pass_time(2.0)
    assert not network.links.is_open("n0", "n1")
    assert network.links.is_open("n1", "n0")
    assert network.links.is_open("n1", "n2")
    assert not network.links.is_connected("n0", "n1")
    assert network.met == {"one-way-partition": 2}
    network.pass_time(5.1)
    assert network.links.is_connected("n0", "n1")


def test_partition_cuts_both_directions_between_its_sides_alone() -> None:
    """Those on one side still hear each other."""
    network = Network(Partition(1.0, 5.0, ("n0", "n2"), is_one_way=False))
    for number, pair in enumerate((("n0", "n1"), ("n1", "n0"), ("n0", "n2"), ("n2", "n1"))):
        network.clock.after(2.0, lambda n=number, p=pair: network.send(*p, n))
    network.pass_time(4.0)
    assert set(network.arrived) == {2}


def test_message_under_way_when_the_link_is_cut_is_lost() -> None:
    """A cut does not wait for what has been sent."""
    network = Network(SlowPeer(0.0, 5.0, "n1", 12.0), Partition(0.2, 15.0, ("n0",), False))
    network.pass_time(0.1)
    network.send_many()
    cut = [number for number in range(COUNT) if number not in network.arrived]
    assert 0 < len(cut) < COUNT
    assert all(times[0] <= 0.2 for times in network.arrived.values())


def test_flapping_links_are_cut_and_mended_again_and_again() -> None:
    """A wireless link at the edge of its reach, of one node alone."""
    network = Network(Flapping(1.0, 7.0, "n0", 1.0))
    seen = []
    for tenth in range(5, 80, 10):
        network.pass_time(tenth / 10)
        seen.append(network.links.is_open("n0", "n1"))
        assert network.links.is_open("n1", "n2")
    assert seen == [True, False, True, False, True, False, True, True]
    assert network.met == {"flapping": 3}


def test_bandwidth_lets_messages_wait_for_those_before_them() -> None:
    """1000 bytes a second: the third message of 500 bytes is sent after a second."""
    network = Network(Bandwidth(0.0, 20.0, "n0", 1_000))
    network.pass_time(0.1)
    for number in range(4):
        network.stream("n0", "n1", number, size_bytes=500)
        network.stream("n1", "n0", 10 + number, size_bytes=500)
    network.pass_time(10.0)
    for number in range(4):
        assert 0.5 * (number + 1) < network.arrived[number][0] - 0.1 < 0.5 * (number + 1) + 0.6
        assert network.arrived[10 + number][0] - 0.1 < 0.6
    assert network.met == {"bandwidth": 4}


def test_what_waits_too_long_for_bandwidth_is_lost_but_in_streams() -> None:
    """A full buffer drops datagrams; a stream only gets as late as the longest way allows."""
    network = Network(Bandwidth(0.0, 20.0, "n0", 1_000))
    network.pass_time(0.1)
    for number in range(COUNT):
        network.send("n0", "n1", number, size_bytes=500)
    for number in range(COUNT, COUNT + 10):
        network.stream("n0", "n1", number, size_bytes=500)
    network.pass_time(0.1 + LONGEST_WAY_S)
    assert set(network.arrived) == {*range(6), *range(COUNT, COUNT + 10)}
    assert network.lost == []


def test_line_is_free_again_after_a_while() -> None:
    """The backlog of a rush is gone once it is sent, however much of it was lost."""
    network = Network(Bandwidth(0.0, 20.0, "n0", 1_000))
    network.pass_time(0.1)
    network.send_many()
    network.send("n0", "n1", COUNT, size_bytes=500)
    sent_s = network.clock.now
    network.pass_time(sent_s + 2.0)
    assert network.arrived[COUNT][0] - sent_s < 1.1


def test_stream_tells_of_what_is_lost_in_a_cut() -> None:
    """The stream breaks then, in the time that the frame would have taken."""
    network = Network(Partition(1.0, 5.0, ("n0",), is_one_way=True))
    network.pass_time(2.0)
    network.stream("n0", "n1", 1)
    network.stream("n1", "n0", 2)
    assert network.lost == []
    network.pass_time(4.0)
    assert network.lost == [1]
    assert set(network.arrived) == {2}


def test_fault_ends_in_its_time() -> None:
    """And begins in its time: before and after it everything arrives."""
    network = Network(Loss(5.0, 6.0, 1.0), Partition(5.0, 6.0, ("n0",), is_one_way=False))
    for at_s, number in ((1.0, 1), (5.5, 2), (6.1, 3)):
        network.clock.after(at_s, lambda n=number: network.send("n0", "n1", n))
    network.pass_time(9.0)
    assert set(network.arrived) == {1, 3}


def test_healed_links_lose_nothing() -> None:
    """Whatever was going on, also what would have gone on for longer."""
    network = Network(
        Loss(0.0, 20.0, 1.0),
        Duplicate(0.0, 20.0, 1.0),
        Delay(0.0, 20.0, 1.5),
        Bandwidth(0.0, 20.0, "n0", 1),
        SlowPeer(0.0, 20.0, "n0", 12.0),
        Partition(0.0, 20.0, ("n0",), is_one_way=False),
        Flapping(0.0, 20.0, "n1", 20.0),
    )
    network.pass_time(1.0)
    network.links.heal()
    network.send_many()
    assert [len(network.arrived[number]) for number in range(COUNT)] == [1] * COUNT
    assert max(times[0] for times in network.arrived.values()) < 2.0
    assert network.met == {}
