"""How a far port asks the warden: a failure or a refusal there is an `OSError` here, as of an engine nearby."""

from __future__ import annotations

import errno
from typing import Any, TypeVar

from lotor.privsep.asking import Answered, Asker, Refused
from lotor.privsep.faults import Fault
from lotor.privsep.frames import Ended
from lotor.privsep.verb import Verb

Request = TypeVar("Request")
Answer = TypeVar("Answer")


async def ask(asker: Asker, verb: Verb[Request, Answer | Fault], request: Request) -> Answered[Answer]:
    """Raises `OSError` as the engine did; also where the warden refused, or is gone."""
    try:
        answered = await asker.ask(verb, request)
    except Refused as refused:
        raise OSError(errno.EPROTO, f"{refused}: its log says why") from refused
    except Ended as ended:
        raise OSError(errno.EPIPE, str(ended) or "the warden is gone") from ended
    value = answered.value
    if isinstance(value, Fault):
        raise OSError(value.number, value.sentence)
    return Answered(value, answered.descriptors)


def descriptor(answered: Answered[Any]) -> int:
    """The one descriptor of an answer; it belongs to the caller. Raises `OSError` where there is none."""
    if len(answered.descriptors) != 1:
        answered.close()
        raise OSError(errno.EPROTO, "the warden answered without a descriptor")
    return answered.descriptors[0]
