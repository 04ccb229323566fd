"""Standing: how well the sender of a datagram is known by its SPIs and its site, before any more of it is read."""

from __future__ import annotations

from enum import Enum


class Standing(Enum):
    """`PROVED`: it names a session that is up, or one that this end began. `UNDER_WAY`: it names one whose login is not
    done. `KNOWN`: it names none, but a peer is or was logged in at its site lately."""

    PROVED = "proved"
    UNDER_WAY = "under way"
    KNOWN = "known"
    STRANGER = "stranger"
