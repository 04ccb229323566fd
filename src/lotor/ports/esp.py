"""The port of the engines that carry ESP: they seal and open, and may be another process or the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Protocol

from lotor.model.algorithms import Compression, EspSuite
from lotor.model.child import Child, Counters, Encapsulation
from lotor.model.frozen import frozen
from lotor.model.network import Path, Peer


class Ending(Enum):
    """Why an engine carries nothing for an SA pair any more."""

    LIFETIME = "its lifetime is over"
    TAKEN_AWAY = "an SA of it was taken out of the kernel, by another program or with its network device"
    LEFT_BEHIND = "it could not follow its peer or a policy of another program"


@frozen
class Expired:
    """A lifetime of an SA pair is over. `hard`: the engine carries nothing for it any more, for that cause or for
    another one (`ending`)."""

    child: int
    hard: bool
    ending: Ending = Ending.LIFETIME

    def __post_init__(self) -> None:
        if not self.hard and self.ending is not Ending.LIFETIME:
            raise ValueError("a soft lifetime has no other cause than its time or its octets")


@frozen
class Moved:
    """An authentic, fresh packet of the SA pair came in UDP from a new outer address or port; the engine follows
    already."""

    child: int
    remote: Peer


@frozen
class Broken:
    """The engine stopped: `why` is a whole sentence."""

    why: str


@frozen
class Strange:
    """A packet in UDP of so many octets came over `path` with an SPI of no SA pair. Anybody may have sent it; a bounded
    number of them is told. An engine that knows of none tells nothing."""

    spi: int
    path: Path
    octets: int


Notice = Expired | Moved | Broken | Strange


@frozen
class Capabilities:
    """What SA pairs of an engine may have: nothing else is offered or accepted. `rates`: it holds a pair to
    `Child.rate`; `cuts`: it cuts inner packets to `Child.esp_frag`; `untold`: figures of `Counters` that it does not
    have, by their names. `lacking`: what it was asked about, and does not carry; of other suites nothing is known."""

    compressions: frozenset[Compression] = frozenset()
    rates: bool = True
    cuts: bool = True
    untold: frozenset[str] = frozenset()
    lacking: frozenset[EspSuite] = frozenset()


class EspEngine(Protocol):
    """Asked from the event loop, and it may take its time. The caller keeps the calls for one SA pair in order.
    `OSError` with a clear text when the engine refuses."""

    @property
    def capabilities(self) -> Capabilities: ...

    def start(self, notify: Callable[[Notice], None]) -> None:
        """`notify` is called in the event loop."""
        ...

    async def stop(self) -> None:
        """May be called again; nothing is carried afterwards."""
        ...

    async def reserve_spi(self) -> int:
        """A random SPI that no SA of this engine uses, kept until install or for a minute."""
        ...

    async def prepare(self, encapsulation: Encapsulation, version: int) -> None:
        """What the host must give before SA pairs with this encapsulation over this IP version can be installed, or
        move to it.
        Nothing where it is there already."""
        ...

    async def install(self, child: Child) -> None:
        """Inbound works when this returns; outbound too if `child.sending`, else from `activate` on. Opens nothing.
        `child.encapsulation` is that of `child.path`."""
        ...

    async def activate(self, child: int) -> None:
        """Outgoing traffic takes this SA pair from now on, as if it were the newest: the peer proved that it holds the
        keys. Unknown ones are ignored."""
        ...

    async def remove(self, child: int) -> Counters | None:
        """What the SA pair had carried in the end; None for one that is unknown, which is no error."""
        ...

    async def move(self, child: int, path: Path) -> None:
        """The SA pair's ESP takes `path` from now on: in UDP where it is `floated`, natively where not, both ways. What
        comes in the other form is not accepted; sequence numbers and the replay window go on. Where this raises
        `OSError` the pair stays where it was, or another call does the rest. Unknown ones are ignored."""
        ...

    async def counters(self, children: Iterable[int]) -> Mapping[int, Counters]:
        """By number, without those that are unknown. The instant in them is that of the packet, the same at every
        call: who reckons it back from another clock tells a new one each time."""
        ...
