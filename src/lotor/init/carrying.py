"""Carries a setup out, whole or not at all, and takes setups back."""

from __future__ import annotations

from collections.abc import Callable

from lotor.daemon.exits import StartError
from lotor.init.host import Target
from lotor.init.record import Record, Setup
from lotor.init.steps import Called, NewFile, Step
from lotor.model.frozen import frozen

Judge = Callable[[], None]


@frozen
class Plan:
    """`what` was asked for, in words that name it again; `files` come first, then `judge` looks at them, then `acts`
    follow. `remarks` are for the person: what was left out, and what is his to do."""

    what: str
    files: tuple[Step, ...]
    acts: tuple[Step, ...]
    remarks: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.files, *self.acts)

    def replaced(self) -> list[str]:
        """Files that are there already."""
        return [each.path for each in self.files if isinstance(each, NewFile) and each.backup]


def carry_out(plan: Plan, record: Record, target: Target, at: str, judge: Judge) -> None:
    """Raises `StartError` with the fault, after everything that was done is taken back."""
    try:
        record.begin(plan.what, at)
        for step in plan.files:
            _carry_out(step, record, target)
        judge()
        for step in plan.acts:
            _carry_out(step, record, target)
        record.finish()
    except BaseException as error:
        stayed = _abandon(record, target)
        outcome = f"{'; '.join(stayed)}: lotor init undo tries again" if stayed else "everything was taken back"
        if isinstance(error, StartError):
            raise StartError(f"{error}; {outcome}", error.code, error.fix) from None
        if isinstance(error, OSError):
            raise StartError(f"{_words(error)}; {outcome}") from None
        raise


def _carry_out(step: Step, record: Record, target: Target) -> None:
    record.note(step)
    step.make(target)


def _abandon(record: Record, target: Target) -> list[str]:
    if not record.setups or record.setups[-1].whole:
        return []
    return take_back(record, target)


def take_back(record: Record, target: Target) -> list[str]:
    """The last setup, last step first, but restarts behind everything else; going on past what cannot be taken back.
    What stays is told: what a person changed is his from now on; where something failed the setup stays noted."""
    told, failed, last_first = [], False, list(reversed(record.setups[-1].steps))
    for step in sorted(last_first, key=_again):
        try:
            if kept := step.take_back(target):
                told.append(kept)
        except OSError as error:
            failed = True
            told.append(f"{step.told()} was not taken back: {_words(error)}")
    if not failed:
        record.forget()
    return told


def _again(step: Step) -> bool:
    return isinstance(step, Called) and step.again


def stands(setup: Setup, target: Target) -> list[tuple[str, str]]:
    """Each file of a setup, and how it is now."""
    files = [step for step in setup.steps if isinstance(step, NewFile)]
    return [(each.path, _state(each, target)) for each in files]


def _state(file: NewFile, target: Target) -> str:
    if not target.path(file.path).exists():
        return "missing"
    return "as it was written" if file.written(target) else "changed since"


def _words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
