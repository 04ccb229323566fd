"""Post-quantum pre-shared keys in IKE_AUTH (RFC 8784 §3): which PPK is in the keys, and what says so, in both roles.

With EAP all of this comes with the AUTH that follows the login: the gateway's first AUTH has no PPK in it, since nobody
has said yet which. Keys that protect messages never change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from lotor.ike.errors import LocalFault, PolicyRefusal
from lotor.ike.events import PpkUnused, PpkUsed
from lotor.ike.questions import MixPpk
from lotor.ike.v2 import keys as keying
from lotor.ike.v2.sa import IkeSa
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, ask
from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.model.judgement import Failure, PpkRequest
from lotor.model.policy import Ppk
from lotor.model.reason import Reason
from lotor.model.reasons.proofs import PpkMissing, PpkNotUsed
from lotor.model.secret import Secret
from lotor.model.text import clean
from lotor.wire.errors import Malformed
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Authentication, Notification

OPAQUE, FIXED = 1, 2
"""Types of PPK_ID (RFC 8784 §5.1). This end names its PPKs as fixed ones, and takes either."""

LONGEST_ID = 256

Prove = Callable[[], Story[Authentication] | Authentication]
"""Makes AUTH of this end with the keys that the session has at that moment."""


@frozen
class Mixture:
    """An IKE SA without a PPK in its keys, and with the one that is called `ppk_id`."""

    plain: IkeSa
    mixed: IkeSa
    ppk_id: bytes

    @property
    def name(self) -> str:
        return clean(self.ppk_id, longest=LONGEST_ID)


def _mixture(session: V2Session, identity: Identity | None, ppk_id: bytes | None) -> Story[Mixture | Reason]:
    """The PPK of the peer with that name, or the first of its; why not, where there is none."""
    sa, dialled = session.ike_sa, session.dialled
    keys = (Secret(sa.keys.d), Secret(sa.keys.pi), Secret(sa.keys.pr))
    host = dialled.host if dialled is not None else None
    request = PpkRequest(session.remote.name, identity, session.peer_address, sa.prf, keys, host, ppk_id)
    answer = yield from ask(MixPpk(request))
    if isinstance(answer, Failure):
        return answer.reason
    return Mixture(sa, replace(sa, keys=keying.with_mixed(sa.keys, answer.keys)), answer.ppk_id)


def _told(chain: Chain) -> Mapping[int, bytes]:
    return {each.type: each.data for each in chain.all(Notification)}


def _unused(session: V2Session, why: str | Reason) -> None:
    session.context.tell(PpkUnused(session.id, why))


# --- the client ------------------------------------------------------------------------------------------------------


def mine(session: V2Session) -> Story[Mixture | None]:
    """The PPK for the gateway that was dialled; None: it goes without. `LocalFault` where one is demanded and there is
    none."""
    terms = session.terms
    if terms.ppk is Ppk.OFF or session.ppk is not None:
        return None
    if not session.abilities.ppk:
        _unused(session, "the gateway has none")
        return None
    found = yield from _mixture(session, None, None)
    if isinstance(found, Mixture):
        return found
    if terms.ppk is Ppk.REQUIRED:
        raise LocalFault(found, NotifyType.AUTHENTICATION_FAILED)
    _unused(session, found)
    return None


def _made(make: Prove) -> Story[Authentication]:
    made = make()
    return made if isinstance(made, Authentication) else (yield from made)


def prove(session: V2Session, found: Mixture | None, make: Prove) -> Story[Payloads]:
    """AUTH, and which PPK is in it. Where this end goes without one as well, AUTH that has none is there, too."""
    if found is None:
        return ((yield from _made(make)),)
    session.mix(found.mixed, found.name)
    proof = yield from _made(make)
    named = Notification(NotifyType.PPK_IDENTITY, bytes([FIXED]) + found.ppk_id)
    if session.terms.ppk is Ppk.REQUIRED:
        return (proof, named)
    session.mix(found.plain, None)
    without = yield from _made(make)
    session.mix(found.mixed, found.name)
    return (proof, named, Notification(NotifyType.NO_PPK_AUTH, without.data))


def heard(session: V2Session, found: Mixture | None, chain: Chain) -> None:
    """The gateway's answer says whether it knows the PPK, and its AUTH proves it. Raises `PolicyRefusal`."""
    if found is None or NotifyType.PPK_IDENTITY in _told(chain):
        return
    if session.terms.ppk is Ppk.REQUIRED:
        raise PolicyRefusal(PpkNotUsed(session.path.remote.address, session.remote.name), _FAILED)
    session.mix(found.plain, None)
    _unused(session, f"the gateway does not know the PPK {found.name}")


# --- the gateway -----------------------------------------------------------------------------------------------------

_FAILED = NotifyType.AUTHENTICATION_FAILED


def demand(session: V2Session) -> None:
    """Before a login begins that could only fail. Raises `PolicyRefusal`."""
    if session.terms.ppk is Ppk.REQUIRED and not session.abilities.ppk:
        raise PolicyRefusal(PpkMissing(session.remote.name), _FAILED)


def brought(session: V2Session, who: Identity, chain: Chain) -> Story[Authentication]:
    """AUTH of a client by which it is to be judged, and the keys for that. `who` may use which PPK. Raises
    `PolicyRefusal` where one is demanded and not there, or not known."""
    proof, told = chain.only(Authentication), _told(chain)
    named, without = told.get(NotifyType.PPK_IDENTITY), told.get(NotifyType.NO_PPK_AUTH)
    if session.ppk is not None:
        return proof
    if session.terms.ppk is Ppk.OFF:  # IKE_SA_INIT may have promised another block's
        return proof if named is None or without is None else Authentication(proof.method, without)
    if named is None:
        if session.terms.ppk is Ppk.REQUIRED:
            raise PolicyRefusal(PpkMissing(session.remote.name), _FAILED)
        _unused(session, "the client brings none")
        return proof
    found = yield from _mixture(session, who, _id_of(named))
    if isinstance(found, Mixture):
        session.mix(found.mixed, found.name)
        return proof
    if session.terms.ppk is Ppk.REQUIRED or without is None:
        raise PolicyRefusal(found, _FAILED)
    _unused(session, found)
    return Authentication(proof.method, without)


def _id_of(named: bytes) -> bytes:
    """`Malformed` for what is no PPK_ID."""
    if len(named) < 2 or len(named) > 1 + LONGEST_ID or named[0] not in {OPAQUE, FIXED}:
        raise Malformed(f"a PPK_ID of {len(named)} octets and type {named[0] if named else 0}")
    return named[1:]


def answered(session: V2Session) -> Payloads:
    """That this end uses the PPK that the client named."""
    return (Notification(NotifyType.PPK_IDENTITY),) if session.ppk is not None else ()


def settle(session: V2Session) -> None:
    """Both ends hold the PPK: AUTH has shown it."""
    if session.ppk is not None:
        session.context.tell(PpkUsed(session.id, session.ppk))
