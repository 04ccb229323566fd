"""What is ordered of this daemon's sessions, asked over the line (the port `ports.orders.Orders`)."""

from __future__ import annotations

from lotor.ports.orders import Order, Outcome
from lotor.privsep.asking import Asker
from lotor.privsep.far import ask
from lotor.privsep.ordering import ORDERS, OUTCOME


class FarOrders:
    """The daemon's end."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def next(self) -> tuple[Order, ...]:
        return (await ask(self._asker, ORDERS, None)).value

    async def done(self, outcome: Outcome) -> None:
        await ask(self._asker, OUTCOME, outcome)
