"""How far the sender of a datagram is known by its cookies and its site, before anything of it is read or believed."""

from __future__ import annotations

from enum import Enum


class Standing(Enum):
    """`PROVED`: it names a session that is up, or one that we began. `UNDER_WAY`: one whose login is not done. `KNOWN`:
    none, but somebody is or was proved at its site lately."""

    PROVED = "proved"
    UNDER_WAY = "under way"
    KNOWN = "known"
    STRANGER = "stranger"
