"""Which device a home writes with: none that was used in a context begins there a second time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from covey.codec import cid_text
from covey.model import DeviceId
from covey.node.devices import Devices
from covey.node.home import Home
from covey.node.records import ContextRecord, Records
from covey.store import MemoryStore
from tests.unit.node.test_contexts import poisoned


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.init(tmp_path)


@pytest.fixture
def records() -> Records:
    return Records(MemoryStore())


@pytest.fixture
def record(home: Home, records: Records) -> ContextRecord:
    """A context of which the store holds no delta."""
    return poisoned(home, records)


def current(home: Home) -> DeviceId:
    return DeviceId(home.device().public)


def test_a_context_that_is_new_here_has_the_homes_own_device(home, record):
    """Its certificate is what a charter may name an admin."""
    assert Devices(home, MemoryStore()).for_joining(record.id) == current(home)


def test_device_that_wrote_or_was_spent_is_never_joined_with_again(home, record):
    """A spent one may have written what a crash kept from being recorded."""
    devices = Devices(home, MemoryStore())
    devices.spend(record)
    other = devices.for_joining(record.id)
    assert other != record.device
    assert home.device_of(other).public == other, "its key is kept"
    assert current(home) == record.device, "other contexts go on with the home's own"
    assert devices.for_joining(record.id) not in (record.device, other)


def test_only_devices_from_before_the_one_now_are_spent(home, record):
    """Leaving was cut short, say: the one that is still the context's own may write."""
    devices, name = Devices(home, MemoryStore()), cid_text(record.id)
    home.record_sequence(record.device, name, 7)
    devices.spend(record)
    assert not devices.is_spent(record, record.device)
    now = replace(record, device=devices.for_joining(record.id))
    assert devices.is_spent(now, record.device)
    assert not devices.is_spent(now, now.device)
    assert not devices.is_spent(now, DeviceId(bytes(32))), "of another home nothing is known"


def test_spending_keeps_what_is_known_of_a_chain(home, record):
    """How far a chain came is what tells a restored store."""
    name = cid_text(record.id)
    home.record_sequence(record.device, name, 7)
    home.spend_device(record.device, name)
    assert home.sequence(record.device, name) == 7


def test_spent_device_of_a_context_that_is_still_here_is_no_restored_store(
    home, records, record, caplog
):
    """Leaving was cut short: nothing was put back from a copy, and nothing of it is said."""
    devices = Devices(home, MemoryStore())
    devices.spend(record)
    charter = records.charter(record.id)
    assert charter is not None
    assert devices.for_serving(record, charter).public == record.device
    assert caplog.records == []


def test_a_copy_that_is_put_back_twice_has_another_device_each_time(home, records, record, caplog):
    """The device of the first time wrote as well, and the copy knows of none of it."""
    devices, name = Devices(home, MemoryStore()), cid_text(record.id)
    home.record_sequence(record.device, name, 5)
    charter = records.charter(record.id)
    assert charter is not None
    first = devices.for_serving(record, charter).public
    home.record_sequence(DeviceId(first), name, 3)
    second = devices.for_serving(record, charter).public
    assert len({record.device, first, second}) == 3
    assert [r.getMessage() for r in caplog.records] == [
        "the store is older than the keys: another device takes this one's place"
    ] * 2
