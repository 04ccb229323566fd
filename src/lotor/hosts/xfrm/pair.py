"""An SA pair as the kernel has it: its two SAs with what they carried, and the policies that lead to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from lotor.hosts.xfrm.entries import CompSa, Direction, Policy, Sa, SaId, State
from lotor.model.child import Child, Counters, Encapsulation, Lifetime
from lotor.model.network import ANYWHERE, Instant, Network, Path, Peer

MARGIN = 1 << 14
"""Sequence numbers that an SA leaves to the one in whose place it comes, which goes on sending until the policies lead
to the new one: of a million packets a second those of 16 ms."""
LAST_SEQUENCE = {False: (1 << 32) - 1, True: (1 << 64) - 1}
"""By whether sequence numbers are extended."""
TELLS_WITHIN = 1.0
"""Seconds until the kernel's word that a life is over was heard: it has the last figures."""
CLOCKS_APART = 1.0
"""Seconds by which the kernel may find a life over before this program's clock does."""
LEAST_LEFT = 1
"""Seconds and octets of a lifetime that is over: the kernel takes 0 for no limit at all."""
FIRST_PRIORITY = 1 << 16
"""Of a policy between two hosts. Policies without a priority are an administrator's, and go before."""
_WIDEST = 128
"""Bits of an IPv6 address."""

Outside = tuple[Peer, Peer, Encapsulation]
"""Where ESP packets of an SA come from and go to, and in which form."""


class Ends(tuple[Network, Network]):  # noqa: SLOT001 - a tuple has no slot for the hash
    """A local and a remote network of one IP version. Tables look for it again and again, and the hash of a network
    costs more than all else there: it is kept."""

    def __init__(self, networks: tuple[Network, Network]) -> None:
        self._hash = hash(networks)

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class Common:
    """What all entries of this program have alike: the number of the xfrm interface, 0 for none; the mark of outer
    packets; and the network device that does the cryptography, empty for none."""

    interface: int
    mark: int
    offload: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What SAs of one direction carried. `octets` of inner packets; `sealed`: as ESP had them, compressed maybe."""

    octets: int = 0
    packets: int = 0
    sealed: int = 0
    replayed: int = 0
    forged: int = 0

    def plus(self, esp: State | None, comp: State | None = None) -> Tally:
        """What was compressed IPComp counts as it was before; what was too short for that ESP alone counts."""
        if esp is None:
            return self
        return Tally(
            self.octets + max(esp.octets, comp.octets if comp is not None else 0),
            self.packets + esp.packets,
            self.sealed + esp.octets,
            self.replayed + esp.replayed,
            self.forged + esp.forged,
        )


@dataclass(slots=True)
class Half:
    """One direction. `past`: what SAs carried that are no more; `latest`: with those that are, when they were looked
    at last. `there`: the kernel has the SAs; `absent`: the last look found none."""

    sa: Sa
    comp: CompSa | None
    past: Tally = field(default_factory=Tally)
    latest: Tally = field(default_factory=Tally)
    there: bool = False
    absent: bool = False

    @property
    def ids(self) -> tuple[SaId, ...]:
        """The ESP SA's first."""
        return (self.sa.id,) if self.comp is None else (self.sa.id, self.comp.id)

    @property
    def entries(self) -> tuple[Sa | CompSa, ...]:
        """In the order of `ids`."""
        return (self.sa,) if self.comp is None else (self.sa, self.comp)

    def look(self, esp: State | None, comp: State | None) -> Tally:
        """With what the kernel tells now. It never becomes less."""
        if esp is not None:
            self.latest = self.past.plus(esp, comp)
        self.absent = esp is None
        return self.latest

    def close(self, esp: State | None, comp: State | None) -> None:
        """The SAs are no more: these were their last figures."""
        self.past = self.look(esp, comp)

    def at(self, source: Peer, destination: Peer, encapsulation: Encapsulation) -> tuple[Sa, CompSa | None]:
        """The same between other ends, maybe in another form. Packets that leave are not compressed any more where the
        IP version changes."""
        sa = replace(self.sa, source=source, destination=destination, encapsulation=encapsulation)
        if self.comp is None:
            return sa, None
        if sa.outbound and source.address.version != self.sa.source.address.version:
            return replace(sa, tunnel=True), None
        return sa, replace(self.comp, source=source.address, destination=destination.address)


@dataclass(slots=True, eq=False)
class Pair:
    """`child` as it was installed, `ends`: each local network with each remote one of its IP version; `path` where it
    is now. `own`: the reqid of what it sends by, which no other pair has, unless it is led; `shared`: of what it
    receives by, which pairs have that replace each other. `followed`: when it followed a packet last; `missed`: since
    when an SA was not found; `refused`: where it could not follow a packet to; `led`: when it took the reqid of another
    program's policy last. `over`: it has ended."""

    child: Child
    ends: tuple[Ends, ...]
    path: Path
    own: int
    shared: int
    began: Instant
    inbound: Half
    outbound: Half
    sending: bool
    over: bool = False
    soft_told: bool = False
    followed: Instant | None = None
    missed: Instant | None = None
    refused: Peer | None = None
    led: Instant | None = None
    packets: int = 0
    last_inbound: Instant | None = None

    def may_share(self, others: Iterable[Pair]) -> bool:
        """Whether it may receive by the same reqid as these, which opens the policies of each to the SAs of all: those
        of one session, or with the same networks."""
        others, ends = tuple(others), set(self.ends)
        same_session = all(each.child.session == self.child.session for each in others)
        return same_session or all(set(each.ends) == ends for each in others)

    def sharing(self, reqid: int) -> Pair:
        """Receives by this reqid."""
        self.shared = reqid
        self.inbound.sa = replace(self.inbound.sa, reqid=reqid)
        if self.inbound.comp is not None:
            self.inbound.comp = replace(self.inbound.comp, reqid=reqid)
        return self

    @property
    def halves(self) -> tuple[Half, Half]:
        return self.inbound, self.outbound

    def is_at(self, path: Path) -> bool:
        """Both SAs are: a move that failed may have taken one of them along."""
        form, (into, out) = Encapsulation.along(path), (half.sa for half in self.halves)
        ends = (into.source, into.destination, out.source, out.destination)
        there = (path.remote, path.local, path.local, path.remote)
        return path == self.path and ends == there and into.encapsulation is out.encapsulation is form

    def counters(self, now: Instant) -> Counters:
        """`now` counts for packets that came since the last call."""
        into, out = self.inbound.latest, self.outbound.latest
        if into.packets > self.packets:
            self.packets, self.last_inbound = into.packets, now
        return Counters(
            octets_in=into.octets,
            octets_out=out.octets,
            packets_in=into.packets,
            packets_out=out.packets,
            replayed=into.replayed,
            forged=into.forged,
            last_inbound=self.last_inbound,
        )

    def left(self, half: Half, now: Instant) -> Lifetime:
        """What a new SA may still live and carry in the place of another one of this direction."""
        life, age, octets = self.child.lifetime, now - self.began, half.latest.sealed
        soft = Lifetime() if self.soft_told else life
        return Lifetime(
            None if soft.soft_seconds is None else max(soft.soft_seconds - age, LEAST_LEFT),
            None if life.hard_seconds is None else max(life.hard_seconds - age, LEAST_LEFT),
            None if soft.soft_octets is None else max(soft.soft_octets - octets, LEAST_LEFT),
            None if life.hard_octets is None else max(life.hard_octets - octets, LEAST_LEFT),
        )

    def is_lost(self, now: Instant) -> bool:
        """Somebody took an SA away, and the kernel had time to tell that its life was over."""
        if not any(half.there and half.absent for half in self.halves):
            self.missed = None
            return False
        if self.missed is None:
            self.missed = now
        return now - self.missed >= TELLS_WITHIN

    def is_old(self, now: Instant) -> bool:
        """A soft lifetime is over."""
        life = self.child.lifetime
        return self._has_lived(life.soft_seconds, life.soft_octets, now)

    def is_over(self, now: Instant) -> bool:
        """A hard lifetime is, as far as that is known here: the kernel counts whole seconds by a clock of its own."""
        life = self.child.lifetime
        return self._has_lived(life.hard_seconds, life.hard_octets, now + CLOCKS_APART)

    def _has_lived(self, seconds: float | None, octets: int | None, now: Instant) -> bool:
        most = max(half.latest.sealed for half in self.halves)
        return (seconds is not None and now - self.began >= seconds) or (octets is not None and most >= octets)

    def sends(self, ends: Ends) -> Policy:
        """Leads packets to this pair, and to no other of its peer's. It stays at lotor's own interface, where it sees
        no packets of the host: an SA that serves a policy elsewhere does not serve it meanwhile."""
        (local, remote), sa, home = ends, self.outbound.sa, self.inbound.sa.interface
        reqid = sa.reqid if sa.interface == home else self.own
        way = Policy(Direction.OUT, local, remote, sa.source.address, sa.destination.address, reqid, sa.keys.spi)
        return replace(way, comp=self.outbound.comp is not None, interface=home, priority=priority(ends))

    def receives(self, ends: Ends, direction: Direction) -> Policy:
        """Lets packets in of all SAs that share the reqid, wherever their peer is outside."""
        (local, remote), sa = ends, self.inbound.sa
        anywhere = ANYWHERE[sa.destination.address.version]
        way = Policy(direction, remote, local, anywhere, anywhere, self.shared)
        return replace(way, comp=self.inbound.comp is not None, interface=sa.interface, priority=priority(ends))


def make(child: Child, reqid: int, common: Common, now: Instant) -> Pair:
    """Of a reqid of its own, for both directions."""
    inbound, outbound = _inbound(child, reqid, common), _outbound(child, reqid, common)
    return Pair(child, tuple(_ends(child)), child.path, reqid, reqid, now, inbound, outbound, child.sending)


def _ends(child: Child) -> Iterator[Ends]:
    for local in dict.fromkeys(child.local_networks):
        for remote in dict.fromkeys(child.remote_networks):
            if local.version == remote.version:
                yield Ends((local, remote))


def priority(ends: Ends) -> int:
    """The kernel takes the least: the longest prefix of the peer's side, then of this one."""
    local, remote = ends
    return FIRST_PRIORITY + ((_WIDEST - remote.prefixlen) << 8) + (_WIDEST - local.prefixlen)


def beside(half: Half, outside: Outside, sent: int) -> tuple[Sa, CompSa | None]:
    """What is to send in the place of an SA that goes on sending for a while, and has sent so many."""
    sa, comp = half.at(*outside)
    return replace(sa, sequence=later(sa, sent)), comp


def later(sa: Sa, sent: int) -> int:
    """The number that such an SA goes on from in the place of one that was seen to have sent so many."""
    return min(sent + MARGIN, LAST_SEQUENCE[sa.esn])


def _inbound(child: Child, reqid: int, common: Common) -> Half:
    sa = Sa(
        child.path.remote,
        child.path.local,
        child.encapsulation,
        child.suite,
        child.inbound,
        reqid,
        child.lifetime,
        child.replay_window,
        child.esn,
        common.interface,
        tunnel=child.compression is None,
        device=common.offload,
    )
    return Half(sa, _comp(child, sa))


def _outbound(child: Child, reqid: int, common: Common) -> Half:
    compresses = child.compression is not None and _is_of_one_version(child)
    sa = Sa(
        child.path.local,
        child.path.remote,
        child.encapsulation,
        child.suite,
        child.outbound,
        reqid,
        child.lifetime,
        child.replay_window,
        child.esn,
        common.interface,
        common.mark,
        tunnel=not compresses,
        device=common.offload,
        outbound=True,
    )
    return Half(sa, _comp(child, sa) if compresses else None)


def _is_of_one_version(child: Child) -> bool:
    """Inside and outside. Around IPComp ESP is in transport mode, and the kernel finds such an SA only for packets of
    its own IP version. It opens those of both, and a peer takes what is not compressed."""
    networks = (*child.local_networks, *child.remote_networks)
    return {each.version for each in networks} == {child.path.remote.address.version}


def _comp(child: Child, sa: Sa) -> CompSa | None:
    agreed = child.compression
    if agreed is None:
        return None
    cpi = agreed.cpi_out if sa.outbound else agreed.cpi_in
    source, destination = sa.source.address, sa.destination.address
    return CompSa(source, destination, cpi, agreed.algorithm, sa.reqid, sa.interface, sa.mark)


def in_udp(pair: Pair) -> bool:
    """Whether ports say where the peer is."""
    return pair.inbound.sa.encapsulation is Encapsulation.UDP
