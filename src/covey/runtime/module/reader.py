"""A cursor over part of a module that refuses to run past its end."""

from __future__ import annotations

from typing import NoReturn

from covey.errors import ConfigError

__all__ = ["BinaryReader", "refuse"]

_U32_MAX = 2**32 - 1


def refuse(rule: str, reason: str, at: int | None = None) -> NoReturn:
    """Refuse a module: ConfigError naming the rule (protocols/application.md) and the place."""
    place = rule if at is None else f"{rule}, at byte {at}"
    raise ConfigError(f"the module is refused: {reason} ({place})")


class BinaryReader:
    """Bytes `start` to `end` of a module; `at` is the offset in the whole module."""

    __slots__ = ("at", "content", "end")

    def __init__(self, content: bytes, start: int, end: int) -> None:
        assert 0 <= start <= end <= len(content)
        self.content = content
        self.at = start
        self.end = end

    def at_end(self) -> bool:
        """Whether everything was read."""
        return self.at == self.end

    def byte(self) -> int:
        """The next byte."""
        if self.at >= self.end:
            self.truncated()
        value = self.content[self.at]
        self.at += 1
        return value

    def take(self, size_bytes: int) -> bytes:
        """The next bytes."""
        start = self.at
        self.skip(size_bytes)
        return self.content[start : self.at]

    def skip(self, size_bytes: int) -> None:
        """Step over the next bytes."""
        if size_bytes > self.end - self.at:
            self.truncated()
        self.at += size_bytes

    def u32(self) -> int:
        """An unsigned LEB128 number of at most 32 bits in at most 5 bytes."""
        start, value = self.at, 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value > _U32_MAX:
                    break
                return value
        refuse("malformed", "a number does not fit 32 bits", start)

    def signed(self, bits: int) -> int:
        """A signed LEB128 number of so many bits; the bits of its last byte beyond are its sign."""
        start, value = self.at, 0
        for shift in range(0, bits, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte & 0x40:
                    value -= 1 << (shift + 7)
                if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
                    break
                return value
        refuse("malformed", f"a number does not fit {bits} bits", start)

    def name(self) -> str:
        """A name: its length in bytes, then UTF-8."""
        start = self.at
        raw = self.take(self.u32())
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            refuse("malformed", "a name is no UTF-8", start)

    def count(self, what: str, count_max: int) -> int:
        """The length of a vector, refused beyond a limit."""
        start = self.at
        count = self.u32()
        if count > count_max:
            refuse("too-many", f"it has {count} {what}, more than {count_max}", start)
        return count

    def sub(self, size_bytes: int) -> BinaryReader:
        """A reader of the next bytes, which this one steps over."""
        start = self.at
        self.skip(size_bytes)
        return BinaryReader(self.content, start, self.at)

    def finish(self, what: str) -> None:
        """Require that nothing is left."""
        if not self.at_end():
            refuse("malformed", f"{what} is longer than its content", self.at)

    def truncated(self) -> NoReturn:
        """Refuse a module that ends too early."""
        refuse("malformed", "it is not a whole WebAssembly binary", self.at)
