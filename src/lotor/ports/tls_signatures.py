"""What a signature of TLS is made over, told apart from everything else that a key of ours signs.

A signer that trusts no caller signs for TLS only what `unfit_tls` finds nothing in. AUTH of IKEv2 begins with a message
of IKE_SA_INIT, so that neither can stand for the other.
"""

from __future__ import annotations

from lotor.model.policy import Side

LONGEST_TLS = 24_576
"""Octets: with TLS 1.2 a client signs all messages before, with the certificates of both ends among them."""
_SPACES = b" " * 64
_CONTEXTS = {Side.GATEWAY: b"TLS 1.3, server CertificateVerify", Side.CLIENT: b"TLS 1.3, client CertificateVerify"}
_HASHES = (32, 48, 64)
"""Octets of a hash of the messages before (RFC 8446 §4.4.3)."""
_RANDOMS = 64
_NAMED_CURVE, _CURVES = 3, frozenset({23, 24, 25, 29, 30})
_HELLO = 1
_BEFORE = frozenset({1, 2, 11, 12, 13, 14, 16, 22})
"""Messages of a handshake that a client of TLS 1.2 signs: up to its ClientKeyExchange (RFC 5246 §7.4.8)."""
_IKE_2, _IKE_SA_INIT = 0x20, 34


def unfit_tls(remote: str, message: bytes, side: Side) -> str | None:
    """Why no end of TLS signs this, as a sentence; None where it fits. A gateway is a server, a client a client."""
    if len(message) > LONGEST_TLS:
        return f"remote {remote}: TLS has no use for a signature over {len(message)} octets"
    fits = is_newer(message, side) or (_is_exchange(message) if side is Side.GATEWAY else _is_transcript(message))
    if not fits or _may_be_auth(message):
        return f"remote {remote}: these {len(message)} octets are not what a {side.value} signs in TLS"
    return None


def _may_be_auth(message: bytes) -> bool:
    """Whether it begins as a message of IKE_SA_INIT does: version, exchange and message id (RFC 7296 §3.1). A peer
    takes any minor version."""
    return len(message) >= 24 and (message[17] & 0xF0, message[18], message[20:24]) == (_IKE_2, _IKE_SA_INIT, bytes(4))


def is_newer(message: bytes, side: Side) -> bool:
    """CertificateVerify of TLS 1.3 (RFC 8446 §4.4.3), which begins as nothing else does."""
    head = _SPACES + _CONTEXTS[side] + b"\0"
    return message.startswith(head) and len(message) - len(head) in _HASHES


def _is_exchange(message: bytes) -> bool:
    """ServerKeyExchange of TLS 1.2: the random octets of both ends, and a public value on a curve (RFC 8422 §5.4)."""
    parameters = message[_RANDOMS:]
    if len(parameters) < 5 or parameters[0] != _NAMED_CURVE:
        return False
    return int.from_bytes(parameters[1:3], "big") in _CURVES and parameters[3] == len(parameters) - 4


def _is_transcript(message: bytes) -> bool:
    """CertificateVerify of TLS 1.2: the messages of a handshake, whole, which begin with a client's hello."""
    if message[:1] != bytes((_HELLO,)):
        return False
    at = 0
    while at + 4 <= len(message) and message[at] in _BEFORE:
        at += 4 + int.from_bytes(message[at + 1 : at + 4], "big")
    return at == len(message)
