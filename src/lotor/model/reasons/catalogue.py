"""All kinds by their names."""

from __future__ import annotations

from lotor.model.kinds import Kind
from lotor.model.reason import Reason, every
from lotor.model.reasons import certificates, chains, ends, local, logins, proposals, protocol

CHAPTERS = (logins, certificates, chains, proposals, protocol, local, ends)
"""The modules, in the order in which the documentation tells them."""

CLASSES: dict[Kind, type[Reason]] = {
    each.kind: each for each in every() if each.__module__ in {c.__name__ for c in CHAPTERS}
}


def called(name: str) -> type[Reason] | None:
    """The class of a kind by its name, as it travels and as scripts read it; None for a name of no kind."""
    return next((found for kind, found in CLASSES.items() if kind.value == name), None)
