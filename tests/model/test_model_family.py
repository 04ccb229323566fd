"""Values of a large family: as dataclasses are, with methods that all kinds share."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest

from lotor.model.kinds import Kind
from lotor.model.reasons.catalogue import CLASSES
from lotor.model.reasons.logins import Locked, NobodyAnswers, UnknownUser, WrongPassword
from samples import sample


def test_fields_come_in_their_order_or_by_name():
    reason = NobodyAnswers("password", again=True)
    assert (reason.wants, reason.again) == ("password", True)
    assert NobodyAnswers(again=True, wants="password") == reason
    assert NobodyAnswers("password").again is False, "a default"
    assert Locked.field_names == ("user", "entry"), "those of the base first"


@pytest.mark.parametrize("given", [(), ("alice",), ("alice", "user", "more")])
def test_as_many_fields_as_there_are(given):
    with pytest.raises(TypeError, match=r"Locked (needs entry|needs user|has the fields)"):
        Locked(*given)


@pytest.mark.parametrize("named", [{"user": "bob"}, {"shell": "/bin/sh"}, {"__class__": object}])
def test_no_other_fields_and_none_twice(named):
    with pytest.raises(TypeError, match="has the fields"):
        Locked("alice", "user", **named)


def test_equal_are_those_of_one_kind_with_the_same_fields():
    assert UnknownUser("alice") == UnknownUser("alice")
    assert UnknownUser("alice") != UnknownUser("bob")
    assert UnknownUser("alice") != WrongPassword("alice")
    kinds = {sample(kind) for kind in CLASSES.values()} | {sample(kind) for kind in CLASSES.values()}
    assert len(kinds) == len(CLASSES)


def test_nothing_changes_a_value():
    reason = UnknownUser("alice")
    for name in ("user", "kind", "other"):
        with pytest.raises(FrozenInstanceError):
            setattr(reason, name, "bob")
        with pytest.raises(FrozenInstanceError):
            delattr(reason, name)
    assert reason.but(user="bob") == replace(reason, user="bob") == UnknownUser("bob")
    assert reason == UnknownUser("alice")
    assert repr(reason) == "UnknownUser(user='alice')"


def test_a_kind_is_a_dataclass_that_compiled_nothing():
    compiled = {"__init__", "__eq__", "__hash__", "__repr__", "__setattr__", "__delattr__"}
    kinds = [kind for kind in CLASSES.values() if is_dataclass(kind)]
    assert len(kinds) == len(Kind)
    assert [kind for kind in kinds if vars(kind).keys() & compiled] == []
    assert [kind for kind in kinds if tuple(each.name for each in fields(kind)) != kind.field_names] == []
