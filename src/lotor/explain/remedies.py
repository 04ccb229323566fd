"""What to do about an attempt that failed: one sentence a cause, for the end that reads it."""

from __future__ import annotations

from lotor.explain import cases, offers, shown
from lotor.explain.algorithms import BEARABLE, KNOWN
from lotor.explain.attempts import Attempt
from lotor.model.algorithms import Group
from lotor.model.kinds import Kind
from lotor.model.policy import Side
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.proposals import Misfit, NoProposal

_REMEDIES: dict[Cause, tuple[str, str]] = {
    # cause:               at the gateway, at the client
    Cause.ADMINISTRATOR: ("", ""),
    Cause.PEER_CLOSED: (
        "the client gave up: its own log, or lotor explain there, says why",
        "the gateway closed the connection: its journal says why; connect again",
    ),
    Cause.NO_PROPOSAL: (cases.SAME_SAINFO, cases.SAME_SAINFO),
    Cause.NO_ANSWER: (
        "look for a firewall that stops UDP 4500 or large datagrams (ike_frag on), or a person who typed too slowly",
        "check the address, that the gateway runs, and that UDP ports 500 and 4500 are open; ike_frag on may help",
    ),
    Cause.CERTIFICATE: (
        "correct what was found wrong: the client's certificate, or ca_type or peers_identifier of this remote block",
        "ask the gateway's administrator for the right ca.crt and name; until then type your password nowhere",
    ),
    Cause.LOGIN_REFUSED: (
        "check login and password with the person; lotor user passwd NAME sets a new one where auth_source is local",
        "type the password again; if it is right, the gateway's journal says why it was refused",
    ),
    Cause.LOGIN_DECLINED: (
        "",
        "give the password: at a terminal, with --password-stdin, or with xauth_login and psk.txt",
    ),
    Cause.POOL_EXHAUSTED: (
        "make pool_size of mode_cfg larger, or end sessions that nobody uses (lotor status, lotor logout NAME)",
        "ask the gateway's administrator for a larger pool_size",
    ),
    Cause.DEAD_PEER: (
        "the client's network went away; it connects again by itself or by its person",
        "connect again; if it happens often, raise dpd_delay or look at the network in between",
    ),
    Cause.EXPIRED: ("", "connect again; lifetime of the remote block says how long a login lasts"),
    Cause.PROTOCOL: (
        "compare the configuration of both ends: exchange_mode, authentication_method, pre-shared keys, identifiers",
        "compare the configuration of both ends: exchange_mode, authentication_method, pre-shared keys, identifiers",
    ),
    Cause.LOCAL_FAULT: (
        "correct what the reason names, on this host",
        "correct what the reason names, on this host",
    ),
    Cause.REPLACED: ("", "another connection of the same person took this one's place"),
    Cause.NOT_JUDGED: (
        "the password was not looked at: correct what the reason names, or see who guesses (journal: login from)",
        "nothing was said against the password: connect again in a minute",
    ),
    Cause.ALREADY_CONNECTED: (
        "lotor logout NAME ends the older session; unique replace or keep in the remote block lets the newer one in",
        "disconnect where you are logged in already, or ask the gateway's administrator to end that session",
    ),
}


TICKETS = frozenset({Kind.TICKET_REFUSED, Kind.TICKET_KEY_DIFFERS, Kind.LOGIN_TICKET_VOID})


def remedy(attempt: Attempt) -> str:
    """Empty where there is nothing to do; what is to do on the device stands last."""
    found = shown.sight(attempt)
    there = f"on the device: {found.fix}" if found is not None and found.fix else ""
    return "; ".join(filter(None, (_here(attempt), there)))


def _here(attempt: Attempt) -> str:
    if not attempt.failed or attempt.reason is None:
        return ""
    if attempt.session == 0:
        return _at_the_door(attempt.reason)
    if attempt.reason.kind is Kind.PUSHED_OUT:
        return "nothing: a flood of strangers, or a client that never hears our answers (docs/reliability.md)"
    if attempt.reason.kind in TICKETS:
        return "nothing: the client begins again, with a login (docs/ikev2.md)"
    if attempt.reason.cause is Cause.NO_PROPOSAL and not attempt.established:
        return _proposal(attempt)
    return cases.fix_of(attempt) or advice(attempt.reason.cause, attempt.side)


def advice(cause: Cause, side: Side) -> str:
    """What is true of every end of that kind."""
    return _REMEDIES[cause][0 if side is Side.GATEWAY else 1]


def _at_the_door(reason: Reason) -> str:
    if reason.kind is Kind.ADDRESS_BANNED:
        return "lotor ban list shows the ban and its end, lotor ban lift takes it away"
    if reason.kind is Kind.REMOTE_NOT_ADMITTED:
        return (
            "add the exchange_mode that it used to a remote block for its address or to remote anonymous, or leave the "
            "stranger outside"
        )
    return "nothing, unless it is a client of yours: then look for a port or a protocol that is not IKEv1's"


def _proposal(attempt: Attempt) -> str:
    if attempt.by_ikev2:
        return _proposal_of_ikev2(attempt)
    if attempt.side is Side.CLIENT:
        return (
            f"make a proposal of remote {attempt.remote} one that the gateway accepts; its journal names what it wants"
        )
    if isinstance(attempt.reason, NoProposal) and attempt.reason.misses(Misfit.CURVE):
        return "issue one of the two certificates anew, with a key on the curve of the other (lotor pki gateway --key)"
    good = [each for each in attempt.offers if _good(each)]
    offer = next((each for each in good if each.split("/")[1] not in BEARABLE), good[0] if good else None)
    if offer is None and "draft_01" in attempt.vendors:
        return "the client offers weak groups only: with vpnc write IKE DH Group dh14 into its configuration"
    if offer is None:
        return "the client offers weak or unknown algorithms only: correct the client (aes 256, sha256, dh_group 14)"
    return f"let a remote block accept what the client offers: {_directives(offer)}; or change the client"


def _proposal_of_ikev2(attempt: Attempt) -> str:
    if attempt.side is Side.CLIENT:
        return (
            f"let an ike2_proposal of remote {attempt.remote} be one that the gateway accepts; its journal names those"
        )
    found = offers.directive(attempt.offers)
    if found:
        return f"let a remote block accept what the client offers: ike2_proposal default; {found} or change the client"
    return "the client offers weak or unknown algorithms only: correct the client (aes 256, sha256, modp2048)"


def _good(offer: str) -> bool:
    """Whether every word of it is one that a configuration may say, and none of them weak."""
    parts = [part.partition("-")[0] for part in offer.split("/")]
    return len(parts) == len(KNOWN) and all(part in known for part, known in zip(parts, KNOWN, strict=True))


def _directives(offer: str) -> str:
    """`proposal { … }` for an offer as text."""
    cipher, hashing, group, method = offer.split("/")
    name, _, bits = cipher.partition("-")
    number = Group[group.upper()].value
    parts = [
        f"encryption_algorithm {name} {bits}".rstrip(),
        f"hash_algorithm {hashing}",
        f"authentication_method {_ours(method)}",
        f"dh_group {number}",
    ]
    return "proposal { " + " ".join(f"{part};" for part in parts) + " }"


def _ours(method: str) -> str:
    """The method as a gateway's configuration names it; an offer of ECDSA names the curve as well."""
    return f"{method}_server" if method.startswith(("hybrid", "xauth")) else method.partition("-")[0]
