"""CREATE_CHILD_SA for SA pairs, in both roles: another pair, or the successor of one (RFC 7296 §1.3.1, §1.3.3)."""

from __future__ import annotations

from collections.abc import Callable

from lotor.ike.children import MOST_PAIRS, Pair
from lotor.ike.errors import PeerFault, PolicyRefusal, Refusal
from lotor.ike.v2 import child, choose_esp, init, keys, selectors
from lotor.ike.v2.child import Agreed, Asked, Permitted
from lotor.ike.v2.choose_esp import Wishes
from lotor.ike.v2.keys import Parts
from lotor.ike.v2.message import Message
from lotor.ike.v2.selectors import Networks
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, request
from lotor.model.algorithms import Group
from lotor.model.policy import ChildPolicy
from lotor.model.reasons.proofs import ChildRefused, SelectorsNotAsked
from lotor.model.reasons.protocol import NoKeyExchange, PairForResource, TooManyPairs
from lotor.wire.errors import Malformed
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType, Protocol, error_name
from lotor.wire.v2.payloads import Delete, KeyExchange, Nonce, Notification

CREATE = ExchangeType.CREATE_CHILD_SA

LATER = 2
"""The message id in a `Pair` that IKE_AUTH did not make."""


class RefusedThere(PeerFault):
    """The peer answers with this error. `error` is its number; nothing is said to the peer about it."""

    def __init__(self, session: V2Session, note: Notification) -> None:
        super().__init__(ChildRefused(session.path.remote.address, error_name(note.type)), None)
        self.error, self.data = note.type, note.data


def demand_success(session: V2Session, chain: Chain) -> None:
    """Raises `RefusedThere` for an answer that is an error, known or not (RFC 7296 §3.10.1)."""
    if chain.errors:
        raise RefusedThere(session, chain.errors[0])


# --- initiator -------------------------------------------------------------------------------------------------------


Admit = Callable[[Chain], Story[None]]
"""What this end needs before it takes up a pair that the peer's answer gives it. Raises `Refusal`."""


def _always(_: Chain) -> Story[None]:
    yield from ()


def initiator(session: V2Session, wanted: Networks, replaces: Pair | None, admit: Admit = _always) -> Story[Pair]:
    """Asks for a pair. It receives when the story ends. Where the peer has made the pair and this end cannot use it,
    the peer is told that it is gone."""
    terms = child.policy_for(session, wanted)
    wishes = _wishes(session, terms, replaces)
    spi = yield from child.reserve_spi(session)
    randomness = session.context.randomness
    group = wishes.groups[0]
    dh = randomness.key_pair(group) if group is not None else None
    nonce = randomness.nonce(init.NONCE_OCTETS)
    response = yield from request(
        CREATE,
        *((_rekey(replaces),) if replaces is not None else ()),
        wishes.offer(spi.to_bytes(4, "big")),
        Nonce(nonce),
        *((KeyExchange(group, dh.public),) if dh is not None and group is not None else ()),
        selectors.payload(wanted.local, initiator=True),
        selectors.payload(wanted.remote, initiator=False),
    )
    demand_success(session, response.chain)
    try:
        choice = choose_esp.accepted(wishes, response.chain.only(SecurityAssociation))
        shared = b""
        if dh is not None and choice.group is not None:
            shared = yield from init.agree(session, dh, _public(session, choice.group, response.chain))
        parts = Parts(nonce, init_nonce(response.chain), shared=shared)
        permitted = Permitted(terms, _answered(session, wanted, response.chain))
        made = keys.of_child(session.ike_sa, choice.suite, parts)
        yield from admit(response.chain)
        agreed = Agreed(choice, spi, made, permitted, initiated=True, exchange=LATER, replaces=replaces)
        pair = yield from child.install(session, agreed)
    except (Refusal, Malformed):
        yield from request(ExchangeType.INFORMATIONAL, Delete(Protocol.ESP, (spi.to_bytes(4, "big"),)))
        raise
    pair.nonce = min(parts.ni, parts.nr)
    return pair


def _wishes(session: V2Session, terms: ChildPolicy, replaces: Pair | None) -> Wishes:
    """The configured `sainfo`. A pair that the peer began is renewed with what the peer asked for then; whether it
    wants PFS shows only when it is renewed for the first time, so that it may leave that out, or demand it."""
    if replaces is None:
        return Wishes(terms.suites, (terms.pfs_group,), child.numbers(session))
    groups: tuple[Group | None, ...] = replaces.demanded or (replaces.group,)
    if replaces.initiated and not replaces.theirs:
        groups = groups if terms.pfs_group is None else (terms.pfs_group,)
        return Wishes(terms.suites, groups, child.numbers(session))
    if replaces.exchange == child.FIRST and not replaces.demanded:
        groups = tuple(dict.fromkeys((terms.pfs_group, None)))
    return Wishes((replaces.child.suite,), groups, child.numbers(session) if replaces.child.esn else (False,))


def demanded(session: V2Session, pair: Pair, refusal: Refusal) -> tuple[Group, ...]:
    """With which groups to ask once more for the successor of a pair without PFS, where the peer refused it without:
    that which the peer names, or those of the block, the one of the IKE SA first. None: it is no use. Each refusal
    leads to fewer of them, so that the peer can ask for two more requests at most."""
    if not isinstance(refusal, RefusedThere) or pair.group is not None or len(pair.demanded) == 1:
        return ()
    known = dict.fromkeys((session.ike_sa.suite.group, *(suite.group for suite in session.terms.proposals)))
    if refusal.error == NotifyType.INVALID_KE_PAYLOAD:
        return tuple(group for group in known if refusal.data == int(group).to_bytes(2, "big"))
    if refusal.error == NotifyType.NO_PROPOSAL_CHOSEN and not pair.demanded:
        return tuple(known)
    return ()


def _rekey(pair: Pair) -> Notification:
    spi = pair.child.inbound.spi.to_bytes(4, "big")
    return Notification(NotifyType.REKEY_SA, spi=spi, protocol=Protocol.ESP)


def _answered(session: V2Session, wanted: Networks, chain: Chain) -> Networks:
    """What the peer lets the pair carry of what was asked for."""
    local, remote = selectors.of(chain, initiator=True), selectors.of(chain, initiator=False)
    theirs = selectors.narrowed(child.theirs_known(session, remote), wanted.remote)
    found = Networks(selectors.narrowed(local, wanted.local), theirs).of_both()
    if not found:
        answered = f"{selectors.told(local)} and {selectors.told(remote)}"
        raise PeerFault(SelectorsNotAsked(session.path.remote.address, answered), None)
    return found


# --- responder -------------------------------------------------------------------------------------------------------


def responder(session: V2Session, message: Message, made: Callable[[Pair], None]) -> Story[Payloads]:
    """Answers a request for a pair. `made` is called with it. It receives before the answer leaves; one that replaces
    another does not send yet, since the peer does not know it before the answer has come."""
    chain = message.chain
    note = rekeyed(chain)
    crossing = _crossing(session, note)
    if crossing is not None:
        return (crossing,)
    old = _named(session, note) if note is not None else None
    permitted = child.permitted(session, _asked(chain), _own(session, old, message))
    if old is None and _is_for_resource(chain):
        _demand_first(session, permitted.networks)
    if len(session.children) >= MOST_PAIRS:
        raise PolicyRefusal(TooManyPairs(MOST_PAIRS), NotifyType.NO_ADDITIONAL_SAS)
    offered = chain.first(KeyExchange)
    chosen = choose_esp.chosen(_acceptable(session, permitted, offered), chain.only(SecurityAssociation))
    group = chosen.choice.group
    if group is not None and (offered is None or offered.group != group):
        return (Notification(NotifyType.INVALID_KE_PAYLOAD, int(group).to_bytes(2, "big")),)
    nonces = (init_nonce(chain), session.context.randomness.nonce(init.NONCE_OCTETS))
    public, shared = yield from _exchange(session, group, chain)
    spi = yield from child.reserve_spi(session)
    derived = keys.of_child(session.ike_sa, chosen.choice.suite, Parts(*nonces, shared=shared))
    agreed = Agreed(chosen.choice, spi, derived, permitted, initiated=False, exchange=LATER, replaces=old)
    pair = yield from child.install(session, agreed)
    pair.nonce = min(nonces)
    made(pair)
    return (
        chosen.answer(spi.to_bytes(4, "big")),
        Nonce(nonces[1]),
        *((KeyExchange(group, public),) if group is not None else ()),
        selectors.payload(permitted.networks.remote, initiator=True),
        selectors.payload(permitted.networks.local, initiator=False),
    )


def _demand_first(session: V2Session, networks: Networks) -> None:
    """Neither engine sends by processors: of the pairs that a peer wants for each of its own (RFC 9611 §4) it gets the
    first, and nothing in the answer that says it may have more. Raises `PolicyRefusal` for another one."""
    ends = (networks.local, networks.remote)
    same = (
        (each.child.local_networks, each.child.remote_networks) == ends for each in session.children if not each.deleted
    )
    if any(same):
        raise PolicyRefusal(PairForResource(str(networks)), NotifyType.TS_MAX_QUEUE)


def _is_for_resource(chain: Chain) -> bool:
    return any(each.type == NotifyType.SA_RESOURCE_INFO for each in chain.all(Notification))


def rekeyed(chain: Chain) -> Notification | None:
    """Which pair a request is to replace, if it is to replace one."""
    return next((each for each in chain.all(Notification) if each.type == NotifyType.REKEY_SA), None)


def _named(session: V2Session, note: Notification) -> Pair | None:
    """The pair with the SPI at which the peer receives. None: there is none, or it is gone for the peer already."""
    if note.protocol != Protocol.ESP or len(note.spi) != 4:
        return None
    found = session.children.by_outbound(int.from_bytes(note.spi, "big"))
    return found if found is not None and not found.deleted else None


def _crossing(session: V2Session, note: Notification | None) -> Notification | None:
    """What is answered to a request that crosses one of this end (RFC 7296 §2.25)."""
    if session.work.renewing or session.life.over:
        return Notification(NotifyType.TEMPORARY_FAILURE)
    if note is None or _named(session, note) is not None:
        return None
    number = int.from_bytes(note.spi, "big") if len(note.spi) == 4 else 0
    leaving = session.children.by_outbound(number)
    if leaving is not None and session.work.busy is not None and session.work.busy.child == leaving.child.id:
        return Notification(NotifyType.TEMPORARY_FAILURE)
    if note.protocol not in {Protocol.AH, Protocol.ESP}:
        return Notification(NotifyType.CHILD_SA_NOT_FOUND)
    return Notification(NotifyType.CHILD_SA_NOT_FOUND, spi=note.spi, protocol=note.protocol)


def _asked(chain: Chain) -> Asked:
    """The selectors of the request, as seen from here."""
    return Asked(selectors.of(chain, initiator=False), selectors.of(chain, initiator=True))


def _own(session: V2Session, old: Pair | None, message: Message) -> Networks:
    """What this end lets the pair carry: of a successor what the old one carries."""
    if old is not None:
        return Networks(old.child.local_networks, old.child.remote_networks)
    return everything(session, message)


def everything(session: V2Session, message: Message | None = None) -> Networks:
    """All that the SA pairs of a session may carry together."""
    path = message.path if message is not None else session.path
    if session.gateway:
        inside = child.addresses(session, path.remote.address)
        brought = session.inner.brought
        return Networks(child.everything(session), (brought,) if brought is not None else inside).of_both()
    return Networks(child.addresses(session, path.local.address), selectors.EVERYWHERE).of_both()


def _acceptable(session: V2Session, permitted: Permitted, offered: KeyExchange | None) -> Wishes:
    """With and without a key exchange of its own: what a peer wants shows only now, and some never have one. That of
    the configuration comes first, and what the peer has sent a value for."""
    wanted, terms = permitted.policy.pfs_group, session.remote.v2
    known = [suite.group for suite in terms.proposals] if terms is not None else []
    sent = [group for group in known if offered is not None and group == offered.group]
    groups: list[Group | None] = [wanted] if wanted is not None else []
    groups += [*sent, None, *known] if wanted is None or sent else [*known, None]
    return Wishes(permitted.policy.suites, tuple(dict.fromkeys(groups)), child.numbers(session))


# --- both ------------------------------------------------------------------------------------------------------------


def init_nonce(chain: Chain) -> bytes:
    """The peer's nonce. `Malformed` where it has no length that it may have."""
    nonce = chain.only(Nonce).data
    if not init.LEAST_NONCE <= len(nonce) <= init.MOST_NONCE:
        raise Malformed(f"a nonce of {len(nonce)} octets")
    return nonce


def _public(session: V2Session, group: Group, chain: Chain) -> bytes:
    """The peer's value of a key exchange."""
    sent = chain.first(KeyExchange)
    if sent is None or sent.group != group:
        raise PeerFault(NoKeyExchange(), NotifyType.INVALID_SYNTAX)
    init.demand_public(session, group, sent.data)
    return sent.data


def _exchange(session: V2Session, group: Group | None, chain: Chain) -> Story[tuple[bytes, bytes]]:
    """The public value of this end, and what both agree on; nothing without a group."""
    if group is None:
        return b"", b""
    theirs = _public(session, group, chain)
    pair = session.context.randomness.key_pair(group)
    shared = yield from init.agree(session, pair, theirs)
    return pair.public, shared
