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
from lotor.privsep.octets import TAG, Form, Malformed, Reader, sized, unfit

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


def _written(value: object) -> bytes:
    try:
        if type(value) is str:
            return sized(value.encode())
    except UnicodeEncodeError:
        pass
    raise unfit(value, str)


def _truth(reader: Reader) -> bool:
    if (octet := reader.tag()) not in (0, 1):
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


def _one(
    kind: type, write: Callable[[Any], bytes], read: Callable[[Reader], Any], fits: Callable[[Any], bool] | None = None
) -> Form:
    """The form of a class without those that inherit of it; `fits` has more to say about its values."""

    def checked(value: object) -> bytes:
        if type(value) is not kind or (fits is not None and not fits(value)):
            raise unfit(value, kind)
        return write(value)

    return Form(_is(kind) if fits is None else fits, checked, read, (kind,))


def _open(
    kind: type, fits: Callable[[Any], bool], write: Callable[[Any], bytes], read: Callable[[Reader], Any]
) -> Form:
    """The same with the classes that inherit of it."""

    def checked(value: object) -> bytes:
        if not fits(value):
            raise unfit(value, kind)
        return write(value)

    return Form(fits, checked, read)


def _address(kind: type[IPv4Address | IPv6Address], size: int) -> Form:
    return _one(
        kind,
        lambda value: bytes(value.packed),
        lambda reader: kind(reader.take(size)),
        lambda value: type(value) is kind and getattr(value, "scope_id", None) is None,
    )


def _network(kind: type[IPv4Network | IPv6Network], size: int) -> Form:
    """The first address and the length of the prefix."""
    return _one(
        kind,
        lambda value: bytes(value.network_address.packed) + TAG.pack(value.prefixlen),
        _prefixed(kind, size),
        lambda value: type(value) is kind and getattr(value.network_address, "scope_id", None) is None,
    )


def _interface(kind: type[IPv4Interface | IPv6Interface], size: int) -> Form:
    """An address and the length of the prefix of its network."""
    return _one(
        kind,
        lambda value: bytes(value.packed) + TAG.pack(value.network.prefixlen),
        _prefixed(kind, size),
        lambda value: type(value) is kind and getattr(value, "scope_id", None) is None,
    )


def _prefixed(kind: Callable[[tuple[bytes, int]], Any], size: int) -> Callable[[Reader], Any]:
    def read(reader: Reader) -> Any:
        address, prefix = reader.take(size), reader.tag()
        try:
            return kind((address, prefix))
        except ValueError:
            raise Malformed(f"no network has such an address with a prefix of {prefix} bits") from None

    return read


PLAIN: dict[object, Form] = {
    type(None): _one(type(None), lambda _: b"", lambda _: None),
    bool: _one(bool, TAG.pack, _truth),
    int: _open(
        int,
        lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63,
        _NUMBER.pack,
        lambda reader: reader.number(_NUMBER),
    ),
    float: _one(float, _FRACTION.pack, _fraction, lambda value: type(value) is float and math.isfinite(value)),
    bytes: _one(bytes, sized, Reader.sized),
    str: Form(_is_text, _written, text, (str,)),
    Path: _open(Path, _is_path, lambda value: sized(os.fsencode(value)), _path),
    Secret: _one(Secret, lambda value: sized(value.reveal()), lambda reader: Secret(reader.sized())),
    IPv4Address: _address(IPv4Address, 4),
    IPv6Address: _address(IPv6Address, 16),
    IPv4Network: _network(IPv4Network, 4),
    IPv6Network: _network(IPv6Network, 16),
    IPv4Interface: _interface(IPv4Interface, 4),
    IPv6Interface: _interface(IPv6Interface, 16),
}
