"""The IKE SA as both ends have it once IKE_SA_INIT is done: what was agreed, its keys, and what the peer can."""

from __future__ import annotations

from dataclasses import dataclass, field

from lotor.model.algorithms import Hash, Ike2Suite, SignatureScheme
from lotor.model.frozen import frozen
from lotor.model.ticket import Opened


@frozen
class SkKeys:
    """SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi and SK_pr (RFC 7296 §2.14). The keys of integrity are empty with a cipher
    that authenticates; those of encryption hold its salt then."""

    d: bytes = field(repr=False)
    ai: bytes = field(repr=False)
    ar: bytes = field(repr=False)
    ei: bytes = field(repr=False)
    er: bytes = field(repr=False)
    pi: bytes = field(repr=False)
    pr: bytes = field(repr=False)

    def p(self, *, initiator: bool) -> bytes:
        """SK_pi or SK_pr: the key of that end's proof."""
        return self.pi if initiator else self.pr


@frozen
class Presented:
    """A ticket that a client has shown, and what is in it."""

    ticket: bytes = field(repr=False)
    opened: Opened


@frozen
class IkeSa:
    """`ni` and `nr` are the nonces of the exchange that made it. `message_i` and `message_r`: the datagrams of
    IKE_SA_INIT, or of IKE_SESSION_RESUME, as sent, that AUTH covers; empty in an SA that renewed another one, which
    needs no AUTH. `intermediate`: IntAuth (RFC 9242 §3.3.2), which follows what AUTH of either end covers. `resumed`:
    at a gateway, the ticket from which it was made (RFC 5723)."""

    suite: Ike2Suite
    keys: SkKeys
    ni: bytes
    nr: bytes
    message_i: bytes = field(default=b"", repr=False)
    message_r: bytes = field(default=b"", repr=False)
    intermediate: bytes = b""
    resumed: Presented | None = None

    @property
    def prf(self) -> Hash:
        return self.suite.prf

    @property
    def renewed(self) -> bool:
        """Whether CREATE_CHILD_SA made it from another one, and not IKE_SA_INIT."""
        return not self.message_i

    def nonce(self, *, initiator: bool) -> bytes:
        return self.ni if initiator else self.nr

    def message(self, *, initiator: bool) -> bytes:
        return self.message_i if initiator else self.message_r


@dataclass(slots=True)
class Abilities:
    """What the peer announced: `schemes` by which it reads signatures (RFC 7427; None: it did not say, so that only
    methods 1 and 9 to 11 are for it), fragments (RFC 7383), MOBIKE (RFC 4555), IKE_INTERMEDIATE (RFC 9242),
    a PPK (RFC 8784), an IKE SA without an SA pair (RFC 6023), two proofs (RFC 4739).
    `unrouted`: it makes no routes of traffic selectors, as Windows does not. `login_lifetime`: seconds after which
    it wants another login (RFC 4478), and `hasty` a client that logged in anew at once when it was told. `follows`:
    a client that goes where it is sent (RFC 5685), and `sent_by` the gateway that sent it here, as it says.
    `translated_here`, `translated_there`: a NAT stands before this end, or before the peer. `hands_over`: of a
    client of ours, that GTC is what it would be asked for."""

    schemes: frozenset[SignatureScheme] | None = None
    fragments: bool = False
    mobike: bool = False
    intermediate: bool = False
    ppk: bool = False
    childless: bool = False
    twice: bool = False
    unrouted: bool = False
    login_lifetime: int | None = None
    hasty: bool = False
    follows: bool = False
    sent_by: str = ""
    translated_here: bool = False
    translated_there: bool = False
    hands_over: bool = False
