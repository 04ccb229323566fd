"""IKE_AUTH of IKEv2: why a proof, a login by EAP, or the first SA pair came to nothing."""

from __future__ import annotations

from lotor.model.kinds import Kind
from lotor.model.network import Address
from lotor.model.reason import Cause, Reason, Told
from lotor.model.reasons.logins import Unjudged

# --- proofs ----------------------------------------------------------------------------------------------------------


class WayNotAllowed(Reason):
    """The peer proves itself in a way that the remote block does not admit."""

    kind = Kind.PROOF_NOT_ALLOWED
    line = "the peer proves itself by {way}; remote {remote} admits {admitted}"
    told = Told.PEER
    way: str
    remote: str
    admitted: str


class ProvedOnceThere(Reason):
    """The gateway takes one proof of a client, and this one has two: that of the device, and a login (RFC 4739)."""

    kind = Kind.PROVED_ONCE_THERE
    line = "gateway {gateway} takes one proof of a client (RFC 4739), and this end has two: {way}"
    told = Told.PERSON
    gateway: Address
    way: str


class OtherProofKey(Reason):
    """After EAP the peer's AUTH was made with another key than the login gave both ends."""

    kind = Kind.EAP_KEY_DIFFERS
    line = "{address} does not hold the key that the login by EAP made: its AUTH does not fit"
    told = Told.PEER
    address: Address


class PpkMissing(Reason):
    """The client's keys have no post-quantum pre-shared key in them, and the remote block demands one (RFC 8784)."""

    kind = Kind.PPK_MISSING
    line = "the peer brings no PPK, which ppk required of remote {remote} demands"
    told = Told.PEER
    remote: str


class PpkNotUsed(Reason):
    """The gateway uses no post-quantum pre-shared key, and this end demands one (RFC 8784)."""

    kind = Kind.PPK_NOT_USED
    line = "gateway {gateway} uses no PPK, or does not know ours, and ppk required of remote {remote} demands one"
    told = Told.PERSON
    gateway: Address
    remote: str


class PpkDiffers(Reason):
    """The peer's AUTH does not fit the keys with a post-quantum pre-shared key in them: both ends know one of that
    name, and it is not the same."""

    kind = Kind.PPK_DIFFERS
    line = "AUTH of {address} does not fit with the PPK {ppk}, which differs at the other end, most likely ({detail})"
    told = Told.PEER
    address: Address
    ppk: str
    detail: str


class PpkRefused(Reason):
    """The gateway refuses a proof that was made with a post-quantum pre-shared key."""

    kind = Kind.PPK_REFUSED
    line = "gateway {gateway} refused the proof with the PPK {ppk}: it knows none of that name, or another one"
    told = Told.PERSON
    gateway: Address
    ppk: str


class LoginBeforeProof(Reason):
    """The gateway asks for a login, and has not proved who it is. Nothing secret is told to it."""

    kind = Kind.LOGIN_BEFORE_PROOF
    cause = Cause.CERTIFICATE
    line = "gateway {gateway} asks for a login before it has proved who it is"
    told = Told.PERSON
    gateway: Address


CLIENTS = frozenset({"mschapv2", "gtc", "tls", "ttls", "peap"})
"""Methods that a client can carry out, by the words of the configuration."""

# --- EAP -------------------------------------------------------------------------------------------------------------


class EapBroken(Reason):
    """A packet of EAP that does not belong there."""

    kind = Kind.EAP_BROKEN
    line = "EAP: {detail}"
    told = Told.PEER
    detail: str


class TlsFailed(Reason):
    """TLS inside of EAP came to nothing: a certificate that one end does not take, versions that do not meet, or octets
    that are no TLS."""

    kind = Kind.EAP_TLS_FAILED
    line = "EAP-{method}: TLS with {address} came to nothing: {detail}"
    told = Told.PEER
    method: str
    address: Address
    detail: str


class ServerNotProved(Reason):
    """The server inside of EAP, which may stand behind the gateway, is not the one that the configuration means."""

    kind = Kind.EAP_SERVER_NOT_PROVED
    cause = Cause.CERTIFICATE
    line = (
        "EAP-{method} with gateway {gateway}: the server inside did not prove itself, and no password was told to it: "
        "{detail}; if it is a RADIUS server behind the gateway, ask for its name and authority, and add "
        "'eap_server \"NAME\";' and the authority's certificate to the file of ca_type (lotor connect --ca FILE: "
        "--eap-server NAME)"
    )
    told = Told.PEER
    method: str
    gateway: Address
    detail: str


class NoCommonMethod(Reason):
    """The client takes none of the methods of EAP that the gateway has."""

    kind = Kind.EAP_NO_COMMON_METHOD
    cause = Cause.NO_PROPOSAL
    line = "the client wants a login by {wanted}; this gateway has {offered}"
    wanted: str
    offered: str


class MethodNotAgreed(Reason):
    """The gateway wants a login by a method of EAP that this client does not agree to: a weaker one, perhaps."""

    kind = Kind.EAP_METHOD_NOT_AGREED
    cause = Cause.NO_PROPOSAL
    line = "gateway {gateway} wants a login by {asked}; this end agrees to {agreed}: {way_out}"
    told = Told.PERSON
    gateway: Address
    asked: str
    agreed: str

    @property
    def way_out(self) -> str:
        """What this end could agree to as well."""
        wanted = self.asked.split(" inside")[0].split(", ")
        known = [each for each in wanted if each in CLIENTS]
        if known and " inside" not in self.asked:
            return f"if its administrator means that, name it in the remote block as well (eap {known[0]};)"
        return "its administrator has to offer one of these"


class PasswordUnknownThere(Reason):
    """The gateway does not show that it knows the password, too, as MSCHAPv2 demands: it may be another one."""

    kind = Kind.PASSWORD_UNKNOWN_THERE
    cause = Cause.CERTIFICATE
    line = "gateway {gateway} says that the password is right, and does not know it"
    told = Told.PERSON
    gateway: Address


# --- the first SA pair -----------------------------------------------------------------------------------------------


class SelectorsUnacceptable(Reason):
    """Nothing of the traffic that the peer asks an SA pair for is allowed here."""

    kind = Kind.SELECTORS_UNACCEPTABLE
    line = "an SA pair for {asked} is asked for; allowed here: {allowed}"
    told = Told.PEER
    asked: str
    allowed: str


class SelectorsNotAsked(Reason):
    """The peer's answer has traffic selectors that this end did not ask for."""

    kind = Kind.SELECTORS_NOT_ASKED
    line = "{address} answers with traffic selectors that were not asked for: {answered}"
    told = Told.PERSON
    address: Address
    answered: str


class ChildRefused(Reason):
    """The peer refuses an SA pair with this error (RFC 7296 §3.10.1)."""

    kind = Kind.CHILD_REFUSED
    line = "{address} refused the SA pair: {notify}"
    told = Told.PERSON
    address: Address
    notify: str


class PairProposalRefused(Reason):
    """The peer accepts none of our proposals for an SA pair, as sainfo has them (RFC 7296 §2.7)."""

    kind = Kind.CHILD_PROPOSAL_REFUSED
    cause = Cause.NO_PROPOSAL
    line = "{address} refused the SA pair: NO_PROPOSAL_CHOSEN; offered: {offered}"
    told = Told.PERSON
    address: Address
    offered: str


# --- tickets ---------------------------------------------------------------------------------------------------------


class TicketVoid(Unjudged):
    """A ticket brings nobody back (RFC 5723), by what is known of its user now; `detail` says why. The client begins
    with a login."""

    kind = Kind.LOGIN_TICKET_VOID
    objection = "the ticket counts no more: {detail}"
    words = "your ticket counts no more: log in again"
    detail: str


class OtherTicketKey(Reason):
    """The peer shows a ticket, and has not the keys that belong to it."""

    kind = Kind.TICKET_KEY_DIFFERS
    line = "{address} has not the keys of the ticket"
    told = Told.PEER
    address: Address
