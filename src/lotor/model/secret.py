"""A secret that never prints: the one type for passwords, keys and pre-shared keys."""

from __future__ import annotations

from typing import Final


class Secret:
    """Octets that must not reach a log, an exception or a dump; `reveal()` is the only way to them."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes | bytearray | str) -> None:
        self._octets: Final = octets.encode() if isinstance(octets, str) else bytes(octets)

    def reveal(self) -> bytes:
        """The octets themselves. Every call is a place to review."""
        return self._octets

    def __bool__(self) -> bool:
        return bool(self._octets)

    def __len__(self) -> int:
        return len(self._octets)

    def __eq__(self, other: object) -> bool:
        from hmac import compare_digest  # not above: it brings the library of hashes, which no command needs

        return isinstance(other, Secret) and compare_digest(self._octets, other._octets)

    __hash__ = None  # type: ignore[assignment]  # a secret is never a dictionary key

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled: hand it over a typed verb")
