"""Frozen values do what frozen dataclasses with slots do, which are the measure here; and nearly all are made so."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from lotor.model.frozen import frozen

T = TypeVar("T")
BOTH = pytest.mark.parametrize("make", [frozen, dataclass(frozen=True, slots=True)], ids=["frozen", "dataclass"])
LOADED = """
import gc, lotor.daemon.attended
made = [each for each in gc.get_objects() if isinstance(each, type) and "__dataclass_params__" in vars(each)]
theirs = [each.__qualname__ for each in made if each.__dataclass_params__.frozen]
ours = [each for each in made if getattr(each.__setattr__, "__module__", "") == "lotor.model.frozen"]
print(len(ours), *theirs)
"""
MOST_COMPILED = 80


@frozen
class Kept:
    """At the head of the module, where pickle finds it."""

    name: str
    values: tuple[int, ...] = ()


def classes(make: Any) -> dict[str, Any]:
    """One class of each kind that the house has."""

    @make
    class Plain:
        name: str
        count: int = 3

    @make
    class More(Plain):
        own: str = "own"

    @make
    class Fields:
        name: str
        secret: str = field(default="hidden", repr=False)
        at: int = field(default=0, compare=False)
        parts: list[int] = field(default_factory=list, hash=False)
        most: ClassVar[int] = 5

    @make
    class One:
        only: float

    @make
    class Nothing:
        pass

    @make
    class Held(Generic[T]):
        value: T

    @make
    class Checked:
        count: int

        def __post_init__(self) -> None:
            if self.count < 0:
                raise ValueError("less than nothing")

    @make
    class Own:  # noqa: PLW1641 - as a frozen dataclass it has a hash all the same
        name: str

        def __repr__(self) -> str:
            return "<Own>"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

    made = (Plain, More, Fields, One, Nothing, Held, Checked, Own)
    return {each.__name__: each for each in made}


@BOTH
def test_a_value_is_made_by_place_and_name_and_has_its_defaults(make):
    kinds = classes(make)
    assert (kinds["Plain"]("a").count, kinds["Plain"](count=4, name="b").count) == (3, 4)
    assert kinds["More"]("a", 1, "c").own == "c"
    first, second = kinds["Fields"]("a"), kinds["Fields"]("a")
    assert first.parts == []
    assert first.parts is not second.parts
    assert kinds["Fields"]("a", parts=[7]).parts == [7]
    assert kinds["Held"](5).value == 5
    assert kinds["Fields"].most == 5
    kinds["Nothing"]()


@BOTH
@pytest.mark.parametrize(
    ("values", "named", "told"),
    [
        ((), {}, r"Plain.__init__\(\) missing 1 required positional argument: 'name'"),
        (("a", 1, 2), {}, r"Plain.__init__\(\) takes from 2 to 3 positional arguments but 4 were given"),
        (("a",), {"size": 1}, r"Plain.__init__\(\) got an unexpected keyword argument 'size'"),
        (("a",), {"name": "b"}, r"Plain.__init__\(\) got multiple values for argument 'name'"),
    ],
)
def test_wrong_values_are_refused_each_time(make, values, named, told):
    kind = classes(make)["Plain"]
    for _ in range(2):
        with pytest.raises(TypeError, match=told):
            kind(*values, **named)


@BOTH
def test_what_is_checked_behind_the_fields_is_checked_from_the_first_value_on(make):
    kind = classes(make)["Checked"]
    for _ in range(2):
        with pytest.raises(ValueError, match="less than nothing"):
            kind(-1)
    assert kind(1).count == 1
    with pytest.raises(ValueError, match="less than nothing"):
        replace(kind(1), count=-2)


@BOTH
def test_nothing_is_set_or_deleted(make):
    value = classes(make)["Plain"]("a")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        value.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del value.name
    with pytest.raises((FrozenInstanceError, TypeError)):
        value.other = 1
    assert value.name == "a"
    assert not hasattr(value, "__dict__")


@BOTH
def test_values_are_equal_by_kind_and_fields(make):
    kinds, others = classes(make), classes(make)
    assert kinds["Plain"]("a") == kinds["Plain"]("a", 3)
    assert kinds["Plain"]("a") != kinds["Plain"]("b")
    assert kinds["Plain"]("a") != kinds["More"]("a")
    assert kinds["Plain"]("a") != others["Plain"]("a")
    assert kinds["Plain"]("a") != ("a", 3)
    assert kinds["Fields"]("a", at=1) == kinds["Fields"]("a", at=2)
    assert kinds["Fields"]("a", parts=[1]) != kinds["Fields"]("a")
    assert kinds["Nothing"]() == kinds["Nothing"]()
    nan = float("nan")
    assert kinds["One"](nan) == kinds["One"](nan)
    assert kinds["Own"]("a") == kinds["Own"]("b")


@BOTH
def test_equal_values_have_one_hash(make):
    kinds = classes(make)
    assert hash(kinds["Plain"]("a")) == hash(("a", 3))
    assert hash(kinds["Fields"]("a", "s", 1)) == hash(("a", "s"))
    assert hash(kinds["One"](1.5)) == hash((1.5,))
    assert hash(kinds["Nothing"]()) == hash(())
    assert hash(kinds["Own"]("a")) == hash(("a",))
    with pytest.raises(TypeError, match="unhashable"):
        hash(kinds["Held"]([]))


@BOTH
def test_a_value_shows_itself_without_what_is_hidden(make):
    kinds = classes(make)
    where = "classes.<locals>"
    assert repr(kinds["Fields"]("a")) == f"{where}.Fields(name='a', at=0, parts=[])"
    assert repr(kinds["More"]("a")) == f"{where}.More(name='a', count=3, own='own')"
    assert repr(kinds["Nothing"]()) == f"{where}.Nothing()"
    assert repr(kinds["Own"]("a")) == "<Own>"


@BOTH
def test_the_functions_for_dataclasses_take_it(make):
    kind = classes(make)["Fields"]
    value = kind("a", at=4)
    assert is_dataclass(value)
    assert [each.name for each in fields(kind)] == ["name", "secret", "at", "parts"]
    assert asdict(value) == {"name": "a", "secret": "hidden", "at": 4, "parts": []}
    assert replace(value, name="b") == kind("b", at=4)
    assert kind.__match_args__ == ("name", "secret", "at", "parts")
    match value:
        case kind("a", at=at):
            assert at == 4
        case _:
            pytest.fail("it does not match")


def test_a_value_is_copied_and_pickled():
    value = Kept("a", (1, 2))
    assert [copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))] == [value] * 3


def test_a_field_by_name_only_and_a_base_that_is_not_frozen_are_refused_where_they_are_declared():
    with pytest.raises(TypeError, match="given by name only"):

        @frozen
        class Named:
            name: str = field(kw_only=True)

    with pytest.raises(TypeError, match="cannot inherit"):

        @dataclass(frozen=True, slots=True)
        class Mixed(Kept):
            pass


def test_the_frozen_values_of_a_daemon_are_made_so():
    """A frozen dataclass would compile six methods for each class, at each start."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True)
    ours, *theirs = done.stdout.split()
    assert int(ours) > 400
    assert len(theirs) < MOST_COMPILED, f"`lotor.model.frozen` makes these, too: {' '.join(theirs)}"
