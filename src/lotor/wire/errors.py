"""The one error of this room: octets that are not what they claim to be."""

from __future__ import annotations


class Malformed(ValueError):  # noqa: N818 - the word of the field for it
    """Octets that break their format. The text says what broke and where; it never quotes the peer's octets."""

    def within(self, place: str) -> Malformed:
        """The same fault, seen from the structure around it."""
        return Malformed(f"{place}: {self}")
