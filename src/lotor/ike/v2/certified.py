"""Which of its names a gateway shows: the certificate may vouch for several (RFC 7296 §3.5)."""

from __future__ import annotations

from collections.abc import Sequence

from lotor.model.identity import TEXT_KINDS, Identity, folded


def shown(certified: Sequence[Identity], wished: Identity | None) -> Identity | None:
    """Of `RemotePolicy.certified` the one that the peer wishes for, as the certificate writes it; None where it has
    none."""
    return next((each for each in certified if wished is not None and _same(each, wished)), None)


def _same(one: Identity, other: Identity) -> bool:
    if one.kind != other.kind:
        return False
    return _text(one) == _text(other) if one.kind in TEXT_KINDS else one.data == other.data


def _text(identity: Identity) -> str:
    """Names of hosts and persons count in any case."""
    return folded(identity.data.decode("latin-1"))
