"""One reason of each kind, with facts that anybody could tell from the words around them."""

from __future__ import annotations

from ipaddress import IPv4Address

from lotor.model.reason import Cause, Reason
from lotor.model.reasons.catalogue import CLASSES

ADDRESS = IPv4Address("192.0.2.77")
FACTS = {
    "str": "fact-of-text",
    "int": 77,
    "bool": True,
    "Address": ADDRESS,
    "Address | Network": ADDRESS,
    "IPv4Address": ADDRESS,
    "Role": "client",
    "Literal['gateway', 'client']": "client",
    "Literal['user', 'account']": "user",
}


def sample(kind: type[Reason], **facts: object) -> Reason:
    """With facts by their types, but for those that are given."""
    return kind(**{name: facts.get(name, FACTS[type_]) for name, type_ in kind.declared.items()})


def of_cause(cause: Cause) -> Reason:
    """One of a family about which nothing else is known."""
    return sample(next(each for each in CLASSES.values() if each.cause is cause))
