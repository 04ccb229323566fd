"""Two codecs of one declaration: what the native one reads and writes, and what Python's does, is the same."""

from __future__ import annotations

from lotor.wire.errors import Malformed
from lotor.wire.v1 import chain as v1
from lotor.wire.v2 import chain as v2


def parsed(first: int, octets: bytes, version=v2, **exactness):
    """The chain. The native codec reads it where Python's does, to the same values, and nothing else."""
    native = version.CODEC.parse(first, octets, exactness.get("exact", version is v2))
    try:
        plain = version.plainly_parsed(first, octets, **exactness)
    except Malformed:
        assert native is None
        raise
    assert native == plain.payloads
    assert all(type(getattr(each, "critical", False)) is bool for each in native)
    return plain


def parsed_v1(first: int, octets: bytes, **exactness) -> v1.Chain:
    return parsed(first, octets, v1, **exactness)


def built(payloads, version=v2) -> tuple[int, bytes]:
    native, plain = version.CODEC.build(payloads), version.plainly_built(payloads)
    assert native == plain
    return plain


def built_v1(payloads) -> tuple[int, bytes]:
    return built(payloads, v1)
