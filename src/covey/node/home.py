"""The home: the one folder with everything a node keeps: keys, store, ports, token.

Its folder is 0700 and every secret in it 0600. A lock holds off a second node.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from covey.codec import did_text, make_certificate, peer_id_text
from covey.crypto import SEED_SIZE_BYTES, Signer, exchange_public_key
from covey.errors import ConfigError, NodeError, StoreError
from covey.model import Certificate, DeviceId

__all__ = ["ApiAddress", "Home", "HomeBusy", "Ports", "init_home"]

_SECRET_MODE, _FOLDER_MODE = 0o600, 0o700


class HomeBusy(NodeError):
    """Another node runs on this home."""


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Chosen at the first start and used again, so that nodes with different homes never clash."""

    listen: tuple[str, ...] = ()
    api: str = ""


class ApiAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a running node is commanded."""

    address: str
    pid: int


class Home:
    """The files of one node; every method touches the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def init(cls, path: Path) -> Home:
        """Make a home, or complete one: keys that exist are never replaced.

        Raises StoreError where the disk does not let it.
        """
        home = cls(path)
        with _disk(path):
            path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            path.chmod(_FOLDER_MODE)  # Also one that was there: the store lies in it.
            for keys in _key_folders(path):
                keys.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            (path / "sequences").mkdir(mode=_FOLDER_MODE, exist_ok=True)
        home._close_keys()
        for name in ("peer", "member", "publisher"):
            home._secret(f"{name}.key")
        home._secret("device.seed")
        home._secret("exchange.seed")
        home.token()
        return home

    @classmethod
    def open(cls, path: Path) -> Home:
        """A home that exists; ConfigError says how to make one."""
        home = cls(path)
        if not (path / "keys" / "member.key").is_file():
            raise ConfigError(f"{path} is no covey home: run `covey init --home {path}` first")
        home._close_keys()
        return home

    def _close_keys(self) -> None:
        """The folders of keys are their owner's alone, also where they were made wider."""
        with _disk(self.path):
            for keys in _key_folders(self.path):
                if keys.is_dir() and keys.stat().st_mode & 0o777 != _FOLDER_MODE:
                    keys.chmod(_FOLDER_MODE)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the home; HomeBusy if another node does."""
        with _disk(self.path):
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, _SECRET_MODE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeBusy(f"another covey node runs on {self.path}: stop it first") from None
            yield
        finally:
            os.close(descriptor)

    # -- keys ---

    def peer_seed(self) -> bytes:
        """The 32 byte seed of the libp2p identity."""
        return self._secret("peer.key")

    def member(self) -> Signer:
        """The key that stands for the person."""
        return Signer.from_seed(self._secret("member.key"))

    def publisher(self) -> Signer:
        """The key that signs this person's bundles."""
        return Signer.from_seed(self._secret("publisher.key"))

    def cache_key(self) -> bytes:
        """The 32 bytes under which compiled modules are kept: who has them can run code here."""
        return self._secret("cache.key")

    def device(self) -> Signer:
        """The key of this installation, for contexts from now on."""
        return Signer.from_seed(self._secret("device.seed"))

    def device_of(self, device: DeviceId) -> Signer:
        """The key of an installation that some context still uses."""
        current = self.device()
        if current.public == device:
            return current
        with _disk(self.path):
            seed = (self.path / "keys" / "devices" / device.hex()).read_bytes()
        return Signer.from_seed(seed)

    def devices(self) -> tuple[DeviceId, ...]:
        """Every device of this home, also those that were used up: the current one first."""
        with _disk(self.path):
            names = sorted(path.name for path in (self.path / "keys" / "devices").glob("?" * 64))
        return DeviceId(self.device().public), *(DeviceId(bytes.fromhex(name)) for name in names)

    def certificate(self, device: DeviceId) -> Certificate:
        """The member's word that a device is its own; the same bytes every time."""
        exchange = exchange_public_key(self._secret("exchange.seed"))
        return make_certificate(self.member(), device, exchange)

    def another_device(self) -> Signer:
        """A new device key for one context, where the current one cannot be used."""
        seed = secrets.token_bytes(SEED_SIZE_BYTES)
        device = Signer.from_seed(seed)
        with _disk(self.path):
            _replace(self.path / "keys" / "devices" / device.public.hex(), seed)
        return device

    def token(self) -> str:
        """What the node's commanders show; made at the first call."""
        with _disk(self.path):
            path = self.path / "token"
            if not path.exists():
                _replace(path, secrets.token_hex(32).encode())
            return path.read_text().strip()

    def _secret(self, name: str) -> bytes:
        with _disk(self.path):
            path = self.path / "keys" / name
            if not path.exists():
                _replace(path, secrets.token_bytes(SEED_SIZE_BYTES))
            seed = path.read_bytes()
        if len(seed) != SEED_SIZE_BYTES:
            raise StoreError(f"{path} is damaged: restore it from a copy")
        return seed

    # -- how far each chain came ---

    def sequence(self, device: DeviceId, context: str) -> int:
        """The last sequence recorded for a device in a context; 0 if none."""
        with _disk(self.path):
            path = self._sequence_path(device, context)
            if not path.exists():
                return 0
            text = path.read_text()
        if not text.isdecimal():
            return 0  # Torn by a power cut: the store is ahead of it then, which is fine.
        return int(text)

    def record_sequence(self, device: DeviceId, context: str, sequence: int) -> None:
        """Remember how far a chain came, outside the store and without a sync."""
        with _disk(self.path):
            path = self._sequence_path(device, context)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, _SECRET_MODE)
            try:
                # In place and of one length: after every delta, renaming a draft is too dear.
                os.pwrite(descriptor, b"%020d" % sequence, 0)
            finally:
                os.close(descriptor)

    def spend_device(self, device: DeviceId, context: str) -> None:
        """Remember durably that a device was used in a context, also where it wrote nothing."""
        with _disk(self.path):
            path = self._sequence_path(device, context)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _SECRET_MODE)
            try:
                if not os.fstat(descriptor).st_size:
                    os.write(descriptor, b"%020d" % 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            _sync_folder(path.parent)

    def is_unused(self, device: DeviceId, context: str) -> bool:
        """Whether a device never wrote in a context, and was not spent there."""
        with _disk(self.path):
            return not self._sequence_path(device, context).exists()

    def _sequence_path(self, device: DeviceId, context: str) -> Path:
        return self.path / "sequences" / f"{context}.{device.hex()[:16]}"

    # -- ports ---

    def ports(self) -> Ports:
        """The ports of the last start."""
        path = self.path / "ports.json"
        with _disk(self.path):
            if not path.exists():
                return Ports()
            content = path.read_bytes()
        try:
            return msgspec.json.decode(content, type=Ports)
        except msgspec.DecodeError as error:
            raise ConfigError(f"{path} is damaged: delete it to choose ports anew") from error

    def keep_ports(self, ports: Ports) -> None:
        """Remember the ports for the next start."""
        with _disk(self.path):
            _replace(self.path / "ports.json", msgspec.json.encode(ports))

    @contextmanager
    def announced_api(self, address: str) -> Iterator[None]:
        """Tell commanders where the node is, as long as the block runs."""
        path = self.path / "api.json"
        with _disk(self.path):
            _replace(path, msgspec.json.encode(ApiAddress(address, os.getpid())))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def init_home(path: Path) -> tuple[str, str]:
    """Make a home with its keys: (peer id, member as did:key). Keys that exist stay."""
    home = Home.init(path)
    return peer_id_text(Signer.from_seed(home.peer_seed()).public), did_text(home.member().public)


def _key_folders(path: Path) -> tuple[Path, Path]:
    keys = path / "keys"
    return keys, keys / "devices"


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"the disk of {path} is full: free some space") from error
        raise StoreError(f"{path}: {error.strerror}") from error


def _replace(path: Path, content: bytes) -> None:
    """Write a secret file whole or not at all."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _SECRET_MODE)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)  # The store may name a key right after it was made.
    finally:
        os.close(descriptor)
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
