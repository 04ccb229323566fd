"""What a verb is: the declaration of one thing that a daemon may ask a warden for.

A verb says what is asked, what is answered, how many octets each may have and how many descriptors come with the
answer. What the warden looks at before it does what is asked stands in `lotor.warden`: here are shapes only.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from lotor.model.frozen import frozen
from lotor.privsep.frames import MOST_ASKED, MOST_DESCRIPTORS, MOST_OCTETS

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@frozen
class Verb(Generic[Request, Answer]):
    """`request` and `answer` are annotations of types; the sizes are octets at most. `most_asked`: questions that may
    be unanswered at a time; each verb has places of its own, so that one whose answers take long holds no other up.
    Their forms (`codec.form_of`) are made when the first message is written or read. `ValueError` for sizes that no
    message has."""

    number: int
    name: str
    request: Any
    answer: Any
    most_request: int
    most_answer: int
    descriptors: int = 0
    most_asked: int = MOST_ASKED

    def __post_init__(self) -> None:
        if max(self.most_request, self.most_answer) > MOST_OCTETS or self.descriptors > MOST_DESCRIPTORS:
            raise ValueError(f"no message is as long as one of {self.name} may be")
