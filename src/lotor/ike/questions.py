"""What the core asks the runtime, and the type of each answer; a question is answered once, by its ticket."""

from __future__ import annotations

from typing import Generic, TypeVar

from lotor.ike.randomness import KeyPair
from lotor.model.algorithms import SignatureScheme
from lotor.model.child import Child
from lotor.model.configuration import ModeConfiguration
from lotor.model.declared import Declared
from lotor.model.eap import EapAccepted, EapAttempt, EapRefused, EapRequest, MschapAccepted, MschapAttempt
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import (
    Failure,
    Feigned,
    KeyedRequest,
    MixedKeys,
    PeerProof,
    PpkRequest,
    PskRequest,
    Signature,
    SignedHash,
    SignedOctets,
    Trusted,
    Untrusted,
)
from lotor.model.login import Accepted, Challenge, Credentials, Declined, LoginAttempt, Refused
from lotor.model.network import Instant, Path
from lotor.model.prompt import Field
from lotor.model.secret import Secret
from lotor.model.ticket import Opened, Resumable, Resumption, Ticket
from lotor.model.tls import TlsProgress, TlsTerms

A_co = TypeVar("A_co", covariant=True)


class Question(Declared, Generic[A_co]):
    """Base of the questions; the parameter is the type of the answer."""


class Sign(Question[Signature | Failure]):
    """Sign our HASH_R or HASH_I with the key of a `remote` block. The signer computes the hash itself."""

    remote: str
    made_of: SignedHash


class JudgePeer(Question[Trusted | Untrusted]):
    """Check the peer's signature, chain, dates, usages and name, before anything secret is sent to it."""

    proof: PeerProof


class DeriveSkeyid(Question[Secret | Feigned | Failure]):
    """SKEYID from a pre-shared key, prf(key, Ni_b | Nr_b), computed where the key is kept."""

    request: PskRequest


class SignAuth(Question[Signature | Failure]):
    """IKEv2: sign our octets of AUTH with the key of a `remote` block, by a scheme that the key can and the peer
    announced. The signer puts the octets together itself."""

    remote: str
    made_of: SignedOctets
    scheme: SignatureScheme


class KeyedAuth(Question[Secret | Failure]):
    """IKEv2: AUTH by a pre-shared key, ours or what the peer's must be, computed where the key is kept. `Failure` where
    there is no key for the peer, after the same work: it hears what it would hear of a wrong one."""

    request: KeyedRequest


class MixPpk(Question[MixedKeys | Failure]):
    """IKEv2: keys with a post-quantum pre-shared key in them, mixed where that is kept. `Failure` where there is none
    for the peer, or none of that name."""

    request: PpkRequest


class CheckMschap(Question[MschapAccepted | Refused]):
    """Gateway: whether a response of EAP-MSCHAPv2 shows the password. `continues` as in `CheckLogin`."""

    session: int
    attempt: MschapAttempt
    continues: int


class RelayEap(Question[EapRequest | EapAccepted | EapRefused]):
    """Gateway: what a RADIUS server says to a client's packet of EAP. `continues` as in `CheckLogin`."""

    session: int
    attempt: EapAttempt
    continues: int


class StepTls(Question[TlsProgress | Failure]):
    """One step of the session's TLS connection inside of EAP. `terms`: a new one begins, None: it goes on. `octets`
    came from the peer; then `inside` is said within the tunnel. `Failure` where there is no such connection, or no
    place for another one."""

    session: int
    terms: TlsTerms | None
    octets: bytes
    inside: Secret

    def __repr__(self) -> str:
        """Nothing of what the ends say."""
        return f"StepTls(session={self.session!r}, octets={len(self.octets)})"


class Agree(Question[Secret | Failure]):
    """Compute g^xy. The most expensive step of a handshake, so the runtime may run it in another thread."""

    dh: KeyPair
    public: bytes

    def __repr__(self) -> str:
        """Nothing of the key pair."""
        return f"Agree(public={self.public!r})"


class CheckLogin(Question[Accepted | Refused | Challenge]):
    """Gateway: one round of a login. `continues`: the session that goes on with it, where it renews one; else its
    own."""

    session: int
    attempt: LoginAttempt
    continues: int


class AskPerson(Question[Credentials | Declined]):
    """Client: what the gateway asks of the person. `message` is clean text from the gateway; `round` counts from 1."""

    session: int
    remote: str
    wants: tuple[Field, ...]
    message: str
    round: int


class AcquireConfiguration(Question[ModeConfiguration | Failure]):
    """Gateway: an address and its configuration, for a user whose login was accepted. `Ended` releases the address."""

    session: int
    user: str
    grants: Grants = NO_GRANTS


class AdmitConfiguration(Question[None | Failure]):
    """Client: whether this host can be set up with what the gateway gave, before any SA pair is asked for. `session`
    is the one that the host knows: that which a renewed phase 1 is to take over."""

    session: int
    path: Path
    configuration: ModeConfiguration


class SealTicket(Question[Ticket | Failure]):
    """Gateway: a ticket for a user whose login was accepted for this session (RFC 5723)."""

    session: int
    user: str
    state: Resumable


class OpenTicket(Question[Opened | Failure]):
    """Gateway: what a ticket of its own shows, as long as it is good. Whoever brings it is a stranger still."""

    session: int
    ticket: bytes


class KeepTicket(Question[None]):
    """Client: what brings this connection back without its login, for so many seconds."""

    session: int
    resumption: Resumption
    seconds: int


class FindWay(Question[Path | Failure]):
    """Client: the way to another gateway, by name or address, from this host to its UDP `port`."""

    gateway: str
    port: int


class ReserveSpi(Question[int]):
    """An SPI for a new inbound SA."""

    session: int


class Install(Question[None | Failure]):
    """Install an SA pair in the engine."""

    child: Child


class Activate(Question[None]):
    """Use this SA pair for outgoing traffic from now on."""

    child: int


class LastInbound(Question["float | None"]):
    """When the engine last opened a packet of one of these SA pairs, in the core's clock; None: never."""

    children: tuple[int, ...]


Answer = (
    Signature
    | Feigned
    | Trusted
    | Untrusted
    | MixedKeys
    | Accepted
    | Refused
    | Challenge
    | Credentials
    | Declined
    | MschapAccepted
    | EapRequest
    | EapAccepted
    | EapRefused
    | ModeConfiguration
    | TlsProgress
    | Path
    | Ticket
    | Opened
    | Failure
    | Secret
    | int
    | Instant
    | None
)
