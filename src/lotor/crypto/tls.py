"""TLS as methods of EAP carry it (RFC 5216, RFC 9190, RFC 5281, RFC 9427): without I/O, without a private key, and with
keys for IKEv2 at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from enum import Enum

from lotor import _native
from lotor.model.algorithms import SignatureScheme
from lotor.model.eap import MSK_OCTETS
from lotor.model.frozen import frozen
from lotor.model.secret import Secret
from lotor.model.tls import TlsMethod

TLS_1_3 = 0x0304
_VERSIONS = {0x0303: "TLS 1.2", TLS_1_3: "TLS 1.3"}
EXPORTER_1_3 = b"EXPORTER_EAP_TLS_Key_Material"
EXPORTED = 2 * MSK_OCTETS
"""Octets: MSK and EMSK."""


class TlsKey(Enum):
    """What a certificate's key is."""

    RSA = "rsa"
    P256 = "p256"
    P384 = "p384"
    P521 = "p521"
    ED25519 = "ed25519"


KEYS = {
    SignatureScheme.RSA_SHA256: TlsKey.RSA,
    SignatureScheme.ECDSA_SHA256: TlsKey.P256,
    SignatureScheme.ECDSA_SHA384: TlsKey.P384,
    SignatureScheme.ECDSA_SHA512: TlsKey.P521,
    SignatureScheme.ED25519: TlsKey.ED25519,
}
"""The kind of a key by its usual scheme in IKEv2."""
SCHEMES = {
    0x0401: SignatureScheme.RSA_SHA256,
    0x0501: SignatureScheme.RSA_SHA384,
    0x0601: SignatureScheme.RSA_SHA512,
    0x0804: SignatureScheme.RSA_PSS_SHA256,
    0x0805: SignatureScheme.RSA_PSS_SHA384,
    0x0806: SignatureScheme.RSA_PSS_SHA512,
    0x0403: SignatureScheme.ECDSA_SHA256,
    0x0503: SignatureScheme.ECDSA_SHA384,
    0x0603: SignatureScheme.ECDSA_SHA512,
    0x0807: SignatureScheme.ED25519,
}
"""By their numbers in TLS (RFC 8446 §4.2.3)."""

Sign = Callable[[int, bytes], "bytes | None"]
"""Signs by the scheme of that number (RFC 8446 §4.2.3), as far as the key can; called in the thread that steps."""


@frozen
class TlsIdentity:
    """Our certificates, leaf first, DER."""

    chain: tuple[bytes, ...]
    key: TlsKey
    sign: Sign = field(repr=False)


@frozen
class TlsStep:
    """What came of octets of the peer: `out` is to be sent, `inside` came in the tunnel, `stands`: the handshake is
    done. `fault`: why nothing more can come of it; what is in `out` is sent all the same."""

    out: bytes = field(repr=False)
    inside: bytes = field(repr=False)
    stands: bool
    fault: str = ""


class TlsEnd:
    """One end of one connection, in one thread at a time."""

    def __init__(self, native: _native.Tls) -> None:
        self._native = native
        self._fault = ""

    @classmethod
    def server(cls, identity: TlsIdentity, *, asks: bool) -> TlsEnd:
        """`asks`: the client must show a certificate, and prove that it has its key. `ValueError` for certificates that
        are none."""
        return cls(_native.Tls.server(_own(identity), asks))

    @classmethod
    def client(cls, name: str, identity: TlsIdentity | None = None) -> TlsEnd:
        """For a server of that name. `ValueError` for a name that no certificate can have."""
        return cls(_native.Tls.client(name, _own(identity) if identity is not None else None))

    def step(self, octets: bytes = b"") -> TlsStep:
        """Takes octets of the peer; a client's first step takes none."""
        try:
            if not self._fault and octets:
                self._native.receive(octets)
        except ValueError as fault:
            self._fault = str(fault)
        stands = not self._fault and not self._native.is_handshaking()
        return TlsStep(self._native.outgoing(), self._native.inside(), stands, self._fault)

    def send(self, octets: bytes) -> bytes:
        """The records that carry `octets` inside the tunnel. `ValueError` before it stands."""
        if self._fault or self._native.is_handshaking():
            raise ValueError("the tunnel does not stand")
        self._native.send(octets)
        return self._native.outgoing()

    def msk(self, method: TlsMethod) -> Secret:
        """The Master Session Key of the method. `ValueError` before the tunnel stands."""
        if self._native.version() == TLS_1_3:
            exported = self._native.export(EXPORTER_1_3, bytes([method.number]), EXPORTED)
        else:
            exported = self._native.export(method.label, None, EXPORTED)
        return Secret(exported[:MSK_OCTETS])

    def export(self, label: bytes, octets: int) -> bytes:
        """Other keys (RFC 5705), without a context. `ValueError` before the tunnel stands."""
        return self._native.export(label, None, octets)

    @property
    def peer_chain(self) -> tuple[bytes, ...]:
        """The peer's certificates, leaf first, DER; it has the key of the first one. Nobody has judged them yet."""
        return tuple(self._native.peer_chain())

    @property
    def tells_success(self) -> bool:
        """Whether a server says with one octet inside that it is content (RFC 9190 §2.5)."""
        return self._native.version() == TLS_1_3

    @property
    def version(self) -> str:
        """For people."""
        return _VERSIONS.get(self._native.version(), "TLS")


def _own(identity: TlsIdentity) -> tuple[list[bytes], str, Sign]:
    return list(identity.chain), identity.key.value, identity.sign
