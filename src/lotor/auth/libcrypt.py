"""The system's password hashes: libcrypt's `crypt_r` with every scheme it has."""

from __future__ import annotations

import ctypes
import hmac
from collections.abc import Callable
from functools import cache

from lotor.model.secret import Secret

LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")
DATA_OCTETS, OLD_DATA_OCTETS = 32768, 131232
"""`struct crypt_data` of libxcrypt, and of glibc's own libcrypt before it, which lacks `crypt_checksalt`."""


class LibcryptMissingError(Exception):
    """There is no libcrypt on this system."""


class UncomputableError(Exception):
    """libcrypt knows no such hash."""


def hash_matches(password: Secret, stored: str) -> bool:
    """Whether `stored`, a hash from shadow, is the hash of the password. Takes 45 to 300 ms: use a thread.

    Raises `LibcryptMissingError`; for what is no hash `UncomputableError`, at once.
    """
    phrase, setting = password.reveal(), stored.encode("utf-8", "surrogateescape")
    if b"\0" in setting:
        raise UncomputableError  # libcrypt would read only what stands before it
    result = _crypt(phrase.partition(b"\0")[0], setting)
    if result is None:
        raise UncomputableError
    return b"\0" not in phrase and hmac.compare_digest(result, setting)


def _crypt(phrase: bytes, setting: bytes) -> bytes | None:
    """None for a setting that libcrypt refuses (it answers `*0` or `*1`, or nothing)."""
    function, octets = _crypt_r()
    data = ctypes.create_string_buffer(octets)
    try:
        result = function(phrase, setting, data)
        return result if result and not result.startswith(b"*") else None
    finally:
        ctypes.memset(data, 0, octets)  # it holds what was derived from the password


@cache
def _crypt_r() -> tuple[Callable[[bytes, bytes, ctypes.Array[ctypes.c_char]], bytes | None], int]:
    """The function, and the octets of room that it wants."""
    for name in LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        function = library.crypt_r
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p)
        function.restype = ctypes.c_char_p
        return function, DATA_OCTETS if hasattr(library, "crypt_checksalt") else OLD_DATA_OCTETS
    raise LibcryptMissingError("libcrypt is missing on this system (Debian: apt install libcrypt1)")
