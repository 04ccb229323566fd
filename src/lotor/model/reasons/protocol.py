"""Violations of the protocol, disagreement of two configurations, and messages that were dropped."""

from __future__ import annotations

from lotor.model.kinds import Kind
from lotor.model.network import Address, Network
from lotor.model.reason import Reason, Told

# --- phase 1 ---------------------------------------------------------------------------------------------------------


class RefusedByGateway(Reason):
    """The gateway answers phase 1 with this error (RFC 2408 §3.14.1)."""

    kind = Kind.PHASE1_REFUSED_BY_GATEWAY
    line = "gateway {gateway} answered {notify}; offered: {offered}"
    told = Told.PERSON
    gateway: Address
    notify: str
    offered: str


class RefusedByClient(Reason):
    """The client answers phase 1 with this error (RFC 2408 §3.14.1)."""

    kind = Kind.PHASE1_REFUSED_BY_CLIENT
    line = "client {client} refuses phase 1: {notify}"
    client: Address
    notify: str


class Disbelieved(Reason):
    """The peer does not accept this end's certificate, signature, key or identity."""

    kind = Kind.PROOF_NOT_ACCEPTED
    line = "{address} does not accept this end's proof of who it is: AUTHENTICATION_FAILED"
    told = Told.PERSON
    address: Address


class OtherKey(Reason):
    """The peer's hash was made with another pre-shared key."""

    kind = Kind.PSK_DIFFERS
    line = "{address} holds another pre-shared key: its hash does not fit"
    told = Told.PEER
    address: Address


class OtherKeyLikely(Reason):
    """The end of main mode cannot be read: either the pre-shared keys differ, or somebody forged it."""

    kind = Kind.PSK_DIFFERS_LIKELY
    line = "{address} proved nothing in main mode: the pre-shared keys differ, most likely"
    told = Told.PERSON
    address: Address


class NoXauth(Reason):
    """The client does not announce XAUTH, and the authentication method admits nobody without a login."""

    kind = Kind.XAUTH_NOT_ANNOUNCED
    line = "the client does not announce XAUTH, without which {method} admits nobody"
    told = Told.PEER
    method: str


class IdentityNotAllowed(Reason):
    """The peer's identity of phase 1 is none of the peers_identifiers of the remote block."""

    kind = Kind.IDENTITY_NOT_ALLOWED
    line = "identity {identity} is none of the peers_identifiers of remote {remote}"
    told = Told.PEER
    identity: str
    remote: str


class IdentityTooLong(Reason):
    """The identity in a stranger's first message is longer than any name."""

    kind = Kind.IDENTITY_TOO_LONG
    line = "an identity of {octets} octets; {most} are allowed in a first message"
    told = Told.PEER
    octets: int
    most: int


class UnusablePublic(Reason):
    """The peer's Diffie-Hellman value is none of its group."""

    kind = Kind.PUBLIC_VALUE_UNUSABLE
    line = "{peer} sent an unusable Diffie-Hellman value: {detail}"
    told = Told.PEER
    peer: str
    detail: str


class NotAnswerable(Reason):
    """The first message of a stranger is well-formed, but nothing can be made of it."""

    kind = Kind.FIRST_MESSAGE_UNANSWERABLE
    line = "the first message cannot be answered"


class BrokenExchange(Reason):
    """The peer sent something under its keys that does not belong there."""

    kind = Kind.EXCHANGE_BROKEN
    line = "{exchange}: {detail}"
    told = Told.PERSON
    exchange: str
    detail: str


class OtherSession(Reason):
    """A renewed phase 1 came for another user or address than that of the session that it was to renew."""

    kind = Kind.RENEWAL_FOR_ANOTHER_SESSION
    line = "a renewed phase 1 came for another session: {user}, {inside}"
    told = Told.PERSON
    user: str
    inside: str


# --- XAUTH and mode config -------------------------------------------------------------------------------------------


class OddTransaction(Reason):
    """The gateway began a transaction that is neither a login nor a configuration."""

    kind = Kind.TRANSACTION_UNKNOWN
    line = "a transaction that is neither XAUTH nor a configuration"


class AskedTooOften(Reason):
    """The gateway asks for the login again and again: it may be collecting passwords."""

    kind = Kind.LOGIN_ASKED_TOO_OFTEN
    line = "the gateway asked for a login more than {rounds} times"
    told = Told.PERSON
    rounds: int


class LoginUnsupported(Reason):
    """The gateway wants a login that only a program could answer."""

    kind = Kind.LOGIN_METHOD_UNSUPPORTED
    line = "the gateway wants a login by {method}; only passwords and passcodes are supported"
    told = Told.PERSON
    method: str


class UnusableConfiguration(Reason):
    """What the gateway gives in mode config cannot be used."""

    kind = Kind.CONFIGURATION_UNUSABLE
    line = "gateway {gateway} gave an unusable configuration: {detail}"
    told = Told.PERSON
    gateway: Address
    detail: str


class NoAddressAsked(Reason):
    """The client begins quick mode without an address of the gateway's."""

    kind = Kind.ADDRESS_NOT_ASKED
    line = "the client asked for no address (mode config), and this gateway takes no other than it gives"
    told = Told.PEER


# --- quick mode ------------------------------------------------------------------------------------------------------


class QuickModeRefused(Reason):
    """The peer answers quick mode with this error (RFC 2408 §3.14.1)."""

    kind = Kind.QUICK_MODE_REFUSED
    line = "{address} refused quick mode: {notify}"
    told = Told.PERSON
    address: Address
    notify: str


class ForeignNetworks(Reason):
    """The client asks for an SA pair of an address that is not its own."""

    kind = Kind.NETWORKS_NOT_OWN
    line = "quick mode for {claimed}; this client's address is {own}"
    told = Told.PEER
    claimed: str
    own: str


class NoSainfo(Reason):
    """No sainfo of this end is for the networks that the peer asks for."""

    kind = Kind.NETWORKS_NOT_OWN
    line = "quick mode for {local} and {remote}: no sainfo here is for them; sainfo anonymous is for all"
    told = Told.PEER
    local: str
    remote: str


class NetworksNotAsked(Reason):
    """The gateway asks for an SA pair of networks that this client did not ask for."""

    kind = Kind.NETWORKS_NOT_ASKED
    line = "quick mode for {claimed}; the gateway may only renew what this client asked for"
    told = Told.PEER
    claimed: str


class InsideInUse(Reason):
    """The inside address that a peer brings belongs to another session. `given`: by the gateway."""

    kind = Kind.INSIDE_IN_USE
    line = "the peer's inside {inside} {how} another session, of {holder}"
    told = Told.PEER
    inside: Address | Network
    given: bool
    user: str

    @property
    def how(self) -> str:
        return "was given to" if self.given else "is the inside of"

    @property
    def holder(self) -> str:
        return self.user or "nobody"


class TooManyNetworks(Reason):
    """The peer has SA pairs for as many networks as one peer gets."""

    kind = Kind.TOO_MANY_NETWORKS
    line = "{most} networks have an SA pair each already, no more are given to one peer"
    told = Told.PEER
    most: int


class TooManyPairs(Reason):
    """The peer has as many SA pairs as one peer gets, with those that were begun."""

    kind = Kind.TOO_MANY_SA_PAIRS
    line = "{most} SA pairs are there or begun already, no more are given to one peer"
    told = Told.PEER
    most: int


class PairForResource(Reason):
    """The peer wants another SA pair of the same networks for one of its processors (RFC 9611); it uses the one that
    it has."""

    kind = Kind.SA_PAIR_FOR_EACH_RESOURCE
    line = "{networks} have an SA pair already, and this end makes none for each processor of a peer"
    told = Told.PEER
    networks: str


class NoKeyExchange(Reason):
    """Perfect forward secrecy was chosen, and the peer sends no public value for it."""

    kind = Kind.PFS_WITHOUT_KEY_EXCHANGE
    line = "PFS was chosen, but there is no KE payload"
    told = Told.PEER


# --- messages that are dropped ---------------------------------------------------------------------------------------


class MalformedMessage(Reason):
    """The octets are no message of IKE."""

    kind = Kind.MESSAGE_MALFORMED
    line = "{detail}"
    detail: str


class MisplacedMessage(Reason):
    """A well-formed message that does not belong here, or not now."""

    kind = Kind.MESSAGE_MISPLACED
    line = "{detail}"
    detail: str


class NobodyHere(Reason):
    """A first message that begins no exchange which this version supports."""

    kind = Kind.MESSAGE_FOR_NOBODY
    line = "nobody is here for it"


class NotAdmitted(Reason):
    """No remote block of the gateway admits that exchange from that address."""

    kind = Kind.REMOTE_NOT_ADMITTED
    line = "no remote block admits such a client from there"


class FromBanned(Reason):
    """A first message from a banned address or network, where nobody was logged in for a day. It gets no answer."""

    kind = Kind.ADDRESS_BANNED
    line = "its address is banned"


class Notified(Reason):
    """The peer sent an error that concerns no exchange under way (RFC 2408 §3.14.1)."""

    kind = Kind.PEER_NOTIFIED
    line = "{notify}"
    notify: str
