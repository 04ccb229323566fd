"""The port of the signer: it signs and derives for phase 1 and for AUTH of IKEv2, and never gives away a private key or
a pre-shared one.

A process of its own may stand behind it, and the caller may be in the hands of an attacker. So each verb takes what an
exchange of this end would ask, of bounded sizes: `unfit_hash`, `unfit_request`, `unfit_octets`, `unfit_keyed` and
`unfit_ppk`, and `unfit_tls` of `ports/tls_signatures`, say what is not, for every engine.
"""

from __future__ import annotations

from typing import Protocol

from lotor.crypto.hashes import size
from lotor.crypto.prf import KEY_PAD
from lotor.model.algorithms import SignatureScheme
from lotor.model.judgement import (
    Failure,
    Feigned,
    KeyedRequest,
    MixedKeys,
    PpkRequest,
    PskRequest,
    Signature,
    SignedHash,
    SignedOctets,
)
from lotor.model.secret import Secret

LONGEST_NAME = 1024
"""Octets of the name of a `remote` block, and of a host."""
LONGEST_SA = 8192
"""Octets of an SA payload behind its header: no message with a longer one begins a session."""
LONGEST_PUBLIC = 1024
"""Octets of a public value, and of g^xy: those of the group of 8192 bits."""
COOKIE = 8
ID_HEAD = 4
"""Octets of an ID payload before the name: its type, protocol and port (RFC 2407 §4.6.2)."""
LONGEST_IDENTITY = 1024
"""Octets of the name in an ID payload; a distinguished name of a dozen parts has some 400."""
SHORTEST_NONCES, LONGEST_NONCES = 16, 512
"""Octets of Ni_b and Nr_b together (RFC 2409 §5)."""
HEADER = 28
LONGEST_INIT = 16_384
"""Octets of an IKE_SA_INIT message: no longer one begins a session."""
IKE_SA_INIT, IKE_2 = 34, 0x20
INITIATOR, RESPONSE = 0x08, 0x20
"""Flags of a header: whoever sends the message began the SA; it is an answer (RFC 7296 §3.1)."""
SHORTEST_NONCE, LONGEST_NONCE = 16, 256
"""Octets of a nonce of IKEv2 (RFC 7296 §2.10)."""
MESSAGE_ID = 4
LONGEST_PPK_ID = 256
"""Octets of the name of a post-quantum pre-shared key; people give them names of hosts or persons."""


class Signer(Protocol):
    """`remote` is the name of a `RemotePolicy`. Nothing raises, but for cancellation."""

    async def sign(self, remote: str, made_of: SignedHash) -> Signature | Failure:
        """A signature of the block's private key over HASH_I or HASH_R, which the signer computes itself, SKEYID too:
        nobody can have octets of his choice signed, or choose the key under which they are hashed. PKCS#1 v1.5 over
        the bare hash, without DigestInfo (RFC 2409 §5.1), or ECDSA with the hash of the key's curve (RFC 4754).

        `Failure` for a block that does not sign, and for what `unfit_hash` tells.
        """
        ...

    async def derive_skeyid(self, request: PskRequest) -> Secret | Feigned | Failure:
        """prf(pre-shared key, Ni_b | Nr_b); `Feigned` where a gateway in aggressive mode has no key for a client.

        `Failure` for a block without pre-shared keys, and for what `unfit_request` tells.
        """
        ...

    async def sign_auth(self, remote: str, made_of: SignedOctets, scheme: SignatureScheme) -> Signature | Failure:
        """IKEv2: a signature of the block's private key over the octets of AUTH, which the signer puts together itself:
        they begin with an IKE_SA_INIT message of this end's role. Of ECDSA it is a DER sequence (RFC 7427).

        `Failure` for a block that does not sign, for a scheme that its key cannot, and for what `unfit_octets` tells.
        """
        ...

    async def keyed_auth(self, request: KeyedRequest) -> Secret | Failure:
        """IKEv2: prf(prf(pre-shared key, "Key Pad for IKEv2"), octets of AUTH).

        `Failure` for a block without pre-shared keys, where there is no key for the peer, and for what `unfit_keyed`
        tells.
        """
        ...

    async def mix_ppk(self, request: PpkRequest) -> MixedKeys | Failure:
        """IKEv2: prf+(PPK, SK_d), prf+(PPK, SK_pi) and prf+(PPK, SK_pr) (RFC 8784 §3), each as long as it was.

        `Failure` for a block that uses no PPK, where there is none for the peer, and for what `unfit_ppk` tells.
        """
        ...

    async def sign_tls(self, remote: str, message: bytes, scheme: SignatureScheme) -> Signature | Failure:
        """A signature of the block's private key over what this end of a method of EAP proves itself by in TLS: a
        CertificateVerify or a ServerKeyExchange, and nothing else. Of ECDSA it is a DER sequence.

        `Failure` for a block without such a method, for a scheme that its key cannot, and for what `unfit_tls` tells.
        """
        ...

    async def saved_password(self, remote: str) -> Secret | None:
        """The password that psk.txt holds for the block's own `xauth_login`; None when there is none or the file may
        not be trusted. No other line can be asked for."""
        ...


def unfit_hash(remote: str, made_of: SignedHash) -> str | None:
    """What no hash of phase 1 is made of, as a sentence; None where all fits."""
    own, others = (len(public) for public in made_of.publics)
    sizes = (
        ("a name of a remote block", len(remote.encode()), 1, LONGEST_NAME),
        ("the nonces", len(made_of.nonces), SHORTEST_NONCES, LONGEST_NONCES),
        ("a public value", own, 1, LONGEST_PUBLIC),
        ("the other public value", others, own, own),
        ("g^xy", len(made_of.g_xy), 1, own),
        *(("a cookie", len(cookie), COOKIE, COOKIE) for cookie in made_of.cookies),
        ("an SA payload", len(made_of.sa_b), 1, LONGEST_SA),
        ("an ID payload", len(made_of.id_b), ID_HEAD, ID_HEAD + LONGEST_IDENTITY),
    )
    return _misfit(sizes)


def unfit_request(request: PskRequest) -> str | None:
    """What no SKEYID of a pre-shared key is asked for with, as a sentence; None where all fits."""
    sizes = (
        ("a name of a remote block", len(request.remote.encode()), 1, LONGEST_NAME),
        ("the name of a host", len((request.host or "").encode()), 0, LONGEST_NAME),
        ("an identity", len(request.identity.data) if request.identity else 0, 0, LONGEST_IDENTITY),
        ("the nonces", len(request.nonces), SHORTEST_NONCES, LONGEST_NONCES),
    )
    if request.nonces == KEY_PAD:
        return "these nonces would give what stands for the key in IKEv2"
    return _misfit(sizes)


def unfit_octets(remote: str, made_of: SignedOctets, *, initiator: bool) -> str | None:
    """What AUTH of no initiator, or of no responder, is made over, as a sentence; None where all fits."""
    own = size(made_of.prf)
    whole = 2 * own + MESSAGE_ID
    sizes = (
        ("a name of a remote block", len(remote.encode()), 1, LONGEST_NAME),
        ("a first message", len(made_of.message), HEADER, LONGEST_INIT),
        ("a nonce", len(made_of.nonce), SHORTEST_NONCE, LONGEST_NONCE),
        ("SK_p", len(made_of.sk_p), own, own),
        ("an ID payload", len(made_of.id_b), ID_HEAD, ID_HEAD + LONGEST_IDENTITY),
        ("IntAuth", len(made_of.intermediate), whole if made_of.intermediate else 0, whole),
    )
    return _misfit(sizes, "AUTH") or _no_init(made_of.message, initiator=initiator)


def is_initiators(made_of: SignedOctets) -> bool:
    """Whether the first message says that it is the initiator's."""
    return bool(made_of.message[19:20] and made_of.message[19] & INITIATOR)


def _no_init(message: bytes, *, initiator: bool) -> str | None:
    """Whether it is no IKE_SA_INIT of that end: version, exchange, flags, message id and length of its header."""
    flags = INITIATOR if initiator else RESPONSE
    kind = (message[17], message[18], message[19] & (INITIATOR | RESPONSE), message[20:24])
    said = int.from_bytes(message[24:28], "big")
    if kind != (IKE_2, IKE_SA_INIT, flags, bytes(4)) or said != len(message):
        return f"AUTH covers an IKE_SA_INIT message of the {'initiator' if initiator else 'responder'}, not this one"
    return None


def unfit_keyed(request: KeyedRequest) -> str | None:
    """What AUTH of a pre-shared key is not asked for with, as a sentence; None where all fits."""
    sizes = (
        ("the name of a host", len((request.host or "").encode()), 0, LONGEST_NAME),
        ("an identity", len(request.identity.data) if request.identity else 0, 0, LONGEST_IDENTITY),
    )
    return _misfit(sizes, "AUTH") or unfit_octets(request.remote, request.octets, initiator=request.client)


def unfit_ppk(request: PpkRequest) -> str | None:
    """What no keys are mixed of, as a sentence; None where all fits."""
    own = size(request.prf)
    sizes = (
        ("a name of a remote block", len(request.remote.encode()), 1, LONGEST_NAME),
        ("the name of a host", len((request.host or "").encode()), 0, LONGEST_NAME),
        ("an identity", len(request.identity.data) if request.identity else 0, 0, LONGEST_IDENTITY),
        ("a name of a PPK", len(request.ppk_id) if request.ppk_id is not None else 1, 1, LONGEST_PPK_ID),
        *(("a key", len(key), own, own) for key in request.keys),
    )
    return _misfit(sizes, "a PPK")


def _misfit(sizes: tuple[tuple[str, int, int, int], ...], use: str = "phase 1") -> str | None:
    """What, its octets, the fewest and the most."""
    found = next(((what, has) for what, has, least, most in sizes if not least <= has <= most), None)
    return f"{use} has no use for {found[0]} of {found[1]} octets" if found else None
