"""A declared value does what a frozen dataclass does."""

from __future__ import annotations

from typing import ClassVar

import pytest

from lotor.model.declared import Declared
from lotor.model.kinds import Kind
from lotor.model.reasons.catalogue import CLASSES
from samples import sample


class Coin(Declared):
    value: int
    side: str = "head"


class Token(Declared):
    value: int
    side: str = "head"


class Foreign(Coin):
    kind: ClassVar[str] = "foreign"
    country: str


class Nothing(Declared):
    pass


def test_values_come_by_place_by_name_and_by_default():
    assert (Coin(5).value, Coin(5).side) == (5, "head")
    assert Coin(5, "tail") == Coin(side="tail", value=5)
    assert Coin(5) == Coin(5, "head")
    assert hash(Coin(5)) == hash(Coin(5, "head"))
    assert repr(Coin(5)) == "Coin(value=5, side='head')"


def test_kinds_differ_though_their_values_do_not():
    assert Coin(5) != Token(5)
    assert Nothing() == Nothing()
    assert Nothing()


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((5, "head", 1), {}), ((5,), {"value": 5}), ((5,), {"edge": 1}), ((), {"side": "tail"})],
    ids=["missing", "too many", "twice", "unknown", "one missing"],
)
def test_what_is_not_declared_is_refused(values, named):
    with pytest.raises(TypeError, match=r"Coin (takes value, side, each once|misses value)"):
        Coin(*values, **named)
    with pytest.raises(TypeError, match="Nothing takes nothing"):
        Nothing(1)


def test_a_kind_of_a_kind_has_the_fields_of_both():
    assert Foreign.declared == {"value": "int", "side": "str", "country": "str"}
    assert Foreign(5, "tail", "France").country == "France"
    assert Foreign(5, country="France") != Foreign(5, country="Spain")
    assert Coin.declared == {"value": "int", "side": "str"}


def test_the_same_with_other_values():
    assert Coin(5, "tail").but(value=6) == Coin(6, "tail")
    with pytest.raises(TypeError, match="each once"):
        Coin(5).but(edge=1)


def test_every_kind_of_reason_is_one_that_compiled_nothing():
    compiled = {"__init__", "__eq__", "__hash__", "__repr__", "__setattr__", "__delattr__"}
    assert len(CLASSES) == len(Kind)
    assert [kind for kind in CLASSES.values() if vars(kind).keys() & compiled] == []
    assert len({sample(kind) for kind in (*CLASSES.values(), *CLASSES.values())}) == len(Kind), (
        "equal by kind and facts"
    )


def test_a_value_is_frozen():
    coin = Coin(5)
    with pytest.raises(AttributeError):
        coin.value = 6
    with pytest.raises(AttributeError):
        del coin.value


def test_patterns_take_values_by_place():
    match Coin(5):
        case Coin(value, side):
            assert (value, side) == (5, "head")
