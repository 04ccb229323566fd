"""What an engine could not do: an `OSError` that crosses the line, with its number and its sentence."""

from __future__ import annotations

from lotor.model.frozen import frozen
from lotor.model.text import clean

LONGEST_SENTENCE = 1_024
"""Characters."""
MOST_FAULT = 4 * LONGEST_SENTENCE + 64
"""Octets of a `Fault`, with what stands around it in an answer."""


@frozen
class Fault:
    """`number` as in `errno`, None for an error that has none."""

    number: int | None
    sentence: str


def fault_of(error: OSError) -> Fault:
    return Fault(error.errno, clean(error.strerror or str(error), longest=LONGEST_SENTENCE))
