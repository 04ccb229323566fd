"""The port of the signer: it signs and derives for phase 1, and never gives away a private key or a pre-shared one.

A process of its own may stand behind it, and the caller may be in the hands of an attacker. So each verb takes what
phase 1 of this end would ask, of bounded sizes: `unfit_hash` and `unfit_request` say what is not, for every engine.
"""

from __future__ import annotations

from typing import Protocol

from lotor.model.judgement import Failure, Feigned, PskRequest, Signature, SignedHash
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
    return _misfit(sizes)


def _misfit(sizes: tuple[tuple[str, int, int, int], ...]) -> str | None:
    """What, its octets, the fewest and the most."""
    found = next(((what, size) for what, size, least, most in sizes if not least <= size <= most), None)
    return f"phase 1 has no use for {found[0]} of {found[1]} octets" if found else None
