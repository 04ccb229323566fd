"""The system's password hashes: libcrypt's `crypt_r` with every scheme it has."""

from __future__ import annotations

import ctypes
import hmac
from collections.abc import Callable
from functools import cache

from lotor.model.secret import Secret

LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")
DATA_OCTETS = 131232
"""`struct crypt_data` of glibc's old libcrypt; libxcrypt's (32768) fits into it."""


class LibcryptMissingError(Exception):
    """There is no libcrypt on this system."""


def hash_matches(password: Secret, stored: str) -> bool:
    """Whether `stored`, a hash from shadow, is the hash of the password. Takes 45 to 300 ms: use a thread.

    Raises `LibcryptMissingError`.
    """
    phrase, setting = password.reveal(), stored.encode()
    if b"\0" in phrase or b"\0" in setting:
        return False  # libcrypt would read only what stands before it
    result = _crypt(phrase, setting)
    return result is not None and hmac.compare_digest(result, setting)


def _crypt(phrase: bytes, setting: bytes) -> bytes | None:
    """None for a setting that libcrypt refuses (it answers `*0` or `*1`, or nothing)."""
    data = ctypes.create_string_buffer(DATA_OCTETS)
    try:
        result = _crypt_r()(phrase, setting, data)
        return result if result and not result.startswith(b"*") else None
    finally:
        ctypes.memset(data, 0, DATA_OCTETS)  # it holds what was derived from the password


@cache
def _crypt_r() -> Callable[[bytes, bytes, ctypes.Array[ctypes.c_char]], bytes | None]:
    for name in LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt_r
        except OSError:
            continue
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p)
        function.restype = ctypes.c_char_p
        return function
    raise LibcryptMissingError("libcrypt is missing on this system (Debian: apt install libcrypt1)")
