"""What a client's key signs in TLS: with TLS 1.2 whole messages of a handshake, and nothing that may be AUTH of IKE."""

from __future__ import annotations

import pytest

from lotor.model.policy import Side
from lotor.ports.tls_signatures import LONGEST_TLS, unfit_tls


def messages(*parts: tuple[int, bytes]) -> bytes:
    return b"".join(bytes((kind,)) + len(body).to_bytes(3, "big") + body for kind, body in parts)


HELLO = (1, b"\3\3" + bytes(range(100, 132)) + bytes(40))
HANDSHAKE = messages(HELLO, (2, bytes(70)), (11, bytes(900)), (12, b"x"), (13, b"y"), (14, b""), (11, b"z"), (16, b"k"))
VERIFY = b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + bytes(48)


@pytest.mark.parametrize("message", [HANDSHAKE, messages(HELLO), VERIFY])
def test_a_client_signs_what_tls_asks_of_it(message):
    assert unfit_tls("gw", message, Side.CLIENT) is None
    assert unfit_tls("gw", message, Side.GATEWAY), "and a gateway never does"


INIT = bytes((1, 0, 0, 60)) + bytes(13) + bytes((0x20, 34, 8)) + bytes(4) + (64).to_bytes(4, "big") + bytes(36)
"""A message of IKE_SA_INIT whose SPI makes it a hello of TLS, too."""


@pytest.mark.parametrize(
    "message",
    [
        INIT,
        INIT.replace(b"\x20\x22", b"\x21\x22"),
        b"",
        HANDSHAKE[:-1],
        HANDSHAKE + b"\x14",
        HANDSHAKE + messages((20, bytes(12))),
        HANDSHAKE + messages((99, b"")),
        HANDSHAKE[4 + len(HELLO[1]) :],
        b"\1\xff\xff\xff" + bytes(100),
        messages(HELLO, (11, bytes(LONGEST_TLS))),
        VERIFY[:-1],
        VERIFY.replace(b"client", b"server"),
        bytes(64) + bytes.fromhex("03001d20") + bytes(32),
    ],
)
def test_a_client_signs_nothing_else(message):
    assert unfit_tls("gw", message, Side.CLIENT)
