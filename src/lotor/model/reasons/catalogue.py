"""All kinds by their names."""

from __future__ import annotations

from lotor.model.kinds import Kind
from lotor.model.reason import Reason
from lotor.model.reasons import certificates, chains, ends, local, logins, proofs, proposals, protocol

CHAPTERS = (logins, certificates, chains, proposals, protocol, proofs, local, ends)
"""The modules, in the order in which the documentation tells them."""

CLASSES: dict[Kind, type[Reason]] = {
    each.kind: each
    for chapter in CHAPTERS
    for each in vars(chapter).values()
    if isinstance(each, type)
    and issubclass(each, Reason)
    and each.__module__ == chapter.__name__
    and "kind" in vars(each)
}


def called(name: str) -> type[Reason] | None:
    """The class of a kind by its name, as it travels and as scripts read it; None for a name of no kind."""
    try:
        return CLASSES[Kind(name)]
    except ValueError:
        return None
