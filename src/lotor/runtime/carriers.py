"""What IKE goes through: the carrier of port 4500, the sockets of port 500 that are open to everybody, and those that a
reload leaves to the sessions that use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lotor.model.network import Address, Path, Peer
from lotor.ports.carrier import Carrier, Receive, SocketCarrier


class Carriers:
    """`paths` are those of the sessions that live: a carrier that is to be shut stays until none of them uses it, and
    lets nobody else in meanwhile. No reload changes `floated`, the carriers of port 4500."""

    def __init__(
        self, carriers: Iterable[SocketCarrier], paths: Callable[[], Iterable[Path]], floated: Iterable[Carrier] = ()
    ) -> None:
        self._floated = tuple(floated)
        self._open = list(carriers)
        self._leaving: list[SocketCarrier] = []
        self._paths = paths
        self._receive: Receive | None = None

    @property
    def open(self) -> tuple[SocketCarrier, ...]:
        return tuple(self._open)

    def start(self, receive: Receive) -> None:
        self._receive = receive
        for carrier in self._all():
            carrier.start(receive)

    def close(self) -> None:
        for carrier in self._all():
            carrier.close()

    def replace(self, carriers: Iterable[SocketCarrier]) -> None:
        """From now on these are open. Those of before that are among them stay as they are."""
        before, self._open = self._open, list(carriers)
        for carrier in self._open:
            if carrier not in before and self._receive is not None:
                carrier.start(self._receive)
        self._leaving += [carrier for carrier in before if carrier not in self._open]
        for carrier in self._leaving:
            carrier.start(self._only_known)
        self.tidy()

    def tidy(self) -> None:
        """Close what no session uses any more."""
        if not self._leaving:
            return  # nearly always: the end of one session must not cost a walk along all others
        used = {path.local: path for path in self._paths() if not path.floated}.values()
        needed = [each for each in used if not any(carrier.serves(each) for carrier in self._open)]
        for carrier in [each for each in self._leaving if not any(map(each.serves, needed))]:
            self._leaving.remove(carrier)
            carrier.close()

    def transmit(self, data: bytes, path: Path) -> None:
        """`OSError` when nothing here has the path's local end."""
        for carrier in self._all():
            if carrier.serves(path):
                carrier.transmit(data, path)
                return
        raise OSError(f"no socket listens at {path.local}")

    def towards(self, remote: Peer, address: Address) -> Path:
        """The way of a connection that begins at one of our addresses; `OSError` when no carrier is there."""
        for carrier in self._open:
            path = Path(Peer(address, carrier.local.port), remote)
            if carrier.serves(path):
                return path
        raise OSError(f"no socket listens at {address}: see listen {{ isakmp }}")

    def _all(self) -> Iterable[Carrier]:
        return (*self._floated, *self._open, *self._leaving)

    def _only_known(self, data: bytes, path: Path) -> None:
        known = any(each.remote.address == path.remote.address for each in self._paths())
        if known and self._receive is not None:
            self._receive(data, path)
