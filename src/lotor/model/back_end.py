"""Back ends on other hosts, whose answers are read in a process of their own."""

from __future__ import annotations

from enum import Enum


class BackEnd(Enum):
    """By the words of the configuration."""

    RADIUS = "radius"
    LDAP = "ldap"
