"""The configuration: how many errors `lotor check` finds in it. What they are it says itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lotor.doctor.finding import Finding, ok, unknown, wrong
from lotor.doctor.subject import Subject
from lotor.model.frozen import frozen
from lotor.model.policy import Side
from lotor.model.quantity import quantity


@frozen
class File:
    """`errors` None: there is no file."""

    path: Path
    errors: int | None
    root: bool
    client: bool


def look(subject: Subject) -> File:
    inspection = subject.inspection
    errors = len(inspection.problems) if inspection else None
    return File(subject.path, errors, subject.root, Side.CLIENT in subject.sides)


def judge(file: File) -> Iterator[Finding]:
    command = f"lotor check {file.path}"
    if file.errors is None and file.client:
        yield ok(f"there is no {file.path}: a client needs none for lotor connect --ca")
    elif file.errors is None:
        yield wrong(f"there is no {file.path}", "lotor init gateway NAME")
    elif file.errors and not file.root:
        told = quantity(file.errors, "error")
        yield unknown(f"lotor check says {told} to this user, who may not read keys", f"sudo {command}")
    elif file.errors:
        yield wrong(f"lotor check says {quantity(file.errors, 'error')}", command)
    else:
        yield ok(f"lotor check says no errors in {file.path}")
