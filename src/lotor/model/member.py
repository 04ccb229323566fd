"""A gateway as one of several that share a database."""

from __future__ import annotations

from lotor.model.frozen import frozen


@frozen
class Member:
    """A gateway of the fleet. `name` is its own; `seat`: 32 hexadecimal digits that lie on its disk, another gateway
    with the same name has others; `run`: the same of one run of the program. `lease` seconds after the database has
    heard of it last, others may have its addresses."""

    name: str
    seat: str
    run: str
    lease: int
