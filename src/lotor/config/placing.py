"""Problems of the files of a `remote` block, and warnings about them, at the head of that block."""

from __future__ import annotations

from collections.abc import Iterable

from lotor.config.problem import Problem
from lotor.config.settings import Settings
from lotor.files.problems import FileProblem, Severity


def faults(settings: Settings, found: Iterable[FileProblem]) -> list[Problem]:
    """Nothing should start while there are any."""
    heads = {each.name: each.places.head for each in settings.remotes}
    return [Problem.at(heads[each.remote], each.text) for each in found if each.severity is Severity.ERROR]


def cautions(found: Iterable[FileProblem]) -> list[str]:
    """Warnings, ready to be read."""
    return [f"remote {each.remote}: {each.text}" for each in found if each.severity is Severity.WARNING]
