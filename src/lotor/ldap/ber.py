"""The part of BER that LDAP uses: definite lengths, tags of one octet (RFC 4511 §5.1)."""

from __future__ import annotations

INTEGER, OCTETS, ENUMERATED, BOOLEAN = 0x02, 0x04, 0x0A, 0x01
SEQUENCE, SET = 0x30, 0x31
LONG = 0x80
MOST_LENGTH_OCTETS = 4
LONGEST_HEADER = 2 + MOST_LENGTH_OCTETS
HIGH_TAG = 0x1F


class BerError(ValueError):
    """What is wrong with octets that should be BER."""


def element(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    size = len(body)
    if size < LONG:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, LONG | len(length))) + length + body


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Two's complement, in as few octets as do."""
    bits = (value if value >= 0 else ~value).bit_length()
    return element(tag, value.to_bytes(bits // 8 + 1, signed=True))


def boolean(*, value: bool) -> bytes:
    return element(BOOLEAN, b"\xff" if value else b"\0")


def octets(value: bytes, tag: int = OCTETS) -> bytes:
    return element(tag, value)


def span(head: bytes) -> tuple[int, int] | None:
    """Octets of the header and of the content of the element that `head` begins; None when more is needed to say.
    Raises `BerError`."""
    if len(head) < 2:
        return None
    if head[0] & HIGH_TAG == HIGH_TAG:
        raise BerError("a tag of several octets")
    if head[1] < LONG:
        return 2, head[1]
    count = head[1] - LONG
    if not 1 <= count <= MOST_LENGTH_OCTETS:
        raise BerError(f"a length of {count} octets" if count else "an indefinite length")
    if len(head) < 2 + count:
        return None
    return 2 + count, int.from_bytes(head[2 : 2 + count])


class Reader:
    """The elements in some octets, one after the other. Every method raises `BerError` where they are others."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def tag(self) -> int | None:
        """Of the next element; None at the end."""
        return self._data[self._at] if self._at < len(self._data) else None

    def any(self) -> tuple[int, bytes]:
        """The next element: tag and content."""
        found = span(self._data[self._at : self._at + LONGEST_HEADER])
        if found is None:
            raise BerError("an element is missing")
        begin = self._at + found[0]
        end = begin + found[1]
        if end > len(self._data):
            raise BerError("an element is longer than what holds it")
        tag, self._at = self._data[self._at], end
        return tag, self._data[begin:end]

    def take(self, tag: int) -> bytes:
        found, content = self.any()
        if found != tag:
            raise BerError(f"an element {found:#04x} in the place of {tag:#04x}")
        return content

    def maybe(self, tag: int) -> bytes | None:
        """None when the next element is another one."""
        return self.take(tag) if self.tag == tag else None

    def number(self, tag: int = INTEGER) -> int:
        return number(self.take(tag))


def number(content: bytes) -> int:
    """An INTEGER of 32 bits at most, as all of LDAP's are (RFC 4511 §4.1.1)."""
    if not 1 <= len(content) <= 4:
        raise BerError(f"a number of {len(content)} octets")
    return int.from_bytes(content, signed=True)
