"""The forms of values that have no parts: numbers, texts, secrets, names of files, addresses and networks."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any

from lotor.model.secret import Secret
from lotor.privsep.octets import TAG, Form, Malformed, Reader, sized

_NUMBER, _FRACTION = struct.Struct("!q"), struct.Struct("!d")


def text(reader: Reader) -> str:
    try:
        return reader.sized().decode()
    except UnicodeDecodeError:
        raise Malformed("a text is no UTF-8") from None


def _is_text(value: object) -> bool:
    """Octets of a file that are no UTF-8 stand in a text as surrogates: these do not cross."""
    try:
        return type(value) is str and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _truth(reader: Reader) -> bool:
    if (octet := reader.number(TAG)) not in (0, 1):
        raise Malformed("neither yes nor no")
    return bool(octet)


def _fraction(reader: Reader) -> float:
    (value,) = _FRACTION.unpack(reader.take(_FRACTION.size))
    if not math.isfinite(value):
        raise Malformed("no finite number")
    return float(value)


def _is_path(value: object) -> bool:
    return isinstance(value, Path) and value.is_absolute() and "\0" not in str(value)


def _path(reader: Reader) -> Path:
    """A name of a file may have any octets but NUL. One name has one form: what `Path` would shorten is none."""
    octets = reader.sized()
    path = Path(os.fsdecode(octets))
    if not _is_path(path) or os.fsencode(path) != octets:
        raise Malformed("no absolute name of a file")
    return path


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is kind


def _address(kind: type[IPv4Address | IPv6Address], size: int) -> Form:
    return Form(
        lambda value: type(value) is kind and getattr(value, "scope_id", None) is None,
        lambda value: bytes(value.packed),
        lambda reader: kind(reader.take(size)),
    )


def _network(kind: type[IPv4Network | IPv6Network], size: int) -> Form:
    """The first address and the length of the prefix."""
    return Form(
        lambda value: type(value) is kind and getattr(value.network_address, "scope_id", None) is None,
        lambda value: bytes(value.network_address.packed) + TAG.pack(value.prefixlen),
        _prefixed(kind, size),
    )


def _interface(kind: type[IPv4Interface | IPv6Interface], size: int) -> Form:
    """An address and the length of the prefix of its network."""
    return Form(
        lambda value: type(value) is kind and getattr(value, "scope_id", None) is None,
        lambda value: bytes(value.packed) + TAG.pack(value.network.prefixlen),
        _prefixed(kind, size),
    )


def _prefixed(kind: Callable[[tuple[bytes, int]], Any], size: int) -> Callable[[Reader], Any]:
    def read(reader: Reader) -> Any:
        address, prefix = reader.take(size), reader.number(TAG)
        try:
            return kind((address, prefix))
        except ValueError:
            raise Malformed(f"no network has such an address with a prefix of {prefix} bits") from None

    return read


PLAIN: dict[object, Form] = {
    type(None): Form(lambda value: value is None, lambda _: b"", lambda _: None),
    bool: Form(_is(bool), TAG.pack, _truth),
    int: Form(
        lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63,
        _NUMBER.pack,
        lambda reader: reader.number(_NUMBER),
    ),
    float: Form(lambda value: type(value) is float and math.isfinite(value), _FRACTION.pack, _fraction),
    bytes: Form(_is(bytes), sized, Reader.sized),
    str: Form(_is_text, lambda value: sized(value.encode()), text),
    Path: Form(_is_path, lambda value: sized(os.fsencode(value)), _path),
    Secret: Form(_is(Secret), lambda value: sized(value.reveal()), lambda reader: Secret(reader.sized())),
    IPv4Address: _address(IPv4Address, 4),
    IPv6Address: _address(IPv6Address, 16),
    IPv4Network: _network(IPv4Network, 4),
    IPv6Network: _network(IPv6Network, 16),
    IPv4Interface: _interface(IPv4Interface, 4),
    IPv6Interface: _interface(IPv6Interface, 16),
}
