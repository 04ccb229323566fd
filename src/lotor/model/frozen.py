"""Frozen values: `@frozen` makes what `dataclass(frozen=True, slots=True)` makes, without the six methods that it
compiles for each class at every start.

They were more than half of what a daemon loads. Here only `__init__` is compiled, and not before the first value of its
class is made. `dataclasses.fields`, `replace` and `asdict` take such a value as any other. `dataclass` itself makes the
classes that have fields by name only, or an order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")
Tuple = Callable[[object], tuple[Any, ...]]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[T]) -> type[T]:
    """What the class defines itself stays. `TypeError` for a field that is given by name only."""
    own = frozenset(vars(kind)) - ({"__hash__"} if vars(kind).get("__hash__") is None else frozenset())
    made = dataclass(init=False, repr=False, eq=False, slots=True)(kind)
    for method in _methods(made):
        if method.__name__ not in own:
            method.__qualname__ = f"{made.__qualname__}.{method.__name__}"
            setattr(made, method.__name__, method)
    return made


def _methods(made: Any) -> tuple[Callable[..., Any], ...]:
    every = fields(made)
    if any(each.kw_only for each in every):
        raise TypeError(f"{made.__qualname__} has a field that is given by name only")
    compared = [each for each in every if each.compare]
    hashed = [each for each in every if (each.compare if each.hash is None else each.hash)]
    return (
        _first_init(made),
        _repr([each.name for each in every if each.repr]),
        _eq(_tuple(compared)),
        _hash(_tuple(hashed)),
        _refuses("__setattr__", "assign to"),
        _refuses("__delattr__", "delete"),
        *_states([each.name for each in every]),
    )


def _first_init(made: type) -> Callable[..., None]:
    """Compiles the one that takes its place."""

    def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807 - it becomes the method
        init = _init(made)
        setattr(made, init.__name__, init)
        init(self, *values, **named)

    return __init__


def _init(made: Any) -> Callable[..., None]:
    """As `dataclass` writes it."""
    known: dict[str, Any] = {"_put": object.__setattr__, "_UNSAID": MISSING}
    head, body = ["self"], []
    for each in fields(made):
        if each.init:
            head.append(each.name + _default(each, known))
        if (value := _value(each)) is not None:
            body.append(f"_put(self, {each.name!r}, {value})")
    if hasattr(made, "__post_init__"):
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(head)}):\n " + "\n ".join(body or ["pass"]), known)  # noqa: S102 - names of fields
    init: Callable[..., None] = known["__init__"]
    init.__qualname__ = f"{made.__qualname__}.__init__"
    return init


def _default(each: Field[Any], known: dict[str, Any]) -> str:
    """What stands behind a parameter, with the names that it uses among those that are known."""
    known[f"_default_{each.name}"] = each.default if each.default_factory is MISSING else each.default_factory
    if each.default_factory is not MISSING:
        return "=_UNSAID"
    return "" if each.default is MISSING else f"=_default_{each.name}"


def _value(each: Field[Any]) -> str | None:
    """What a field is set to; None: `__post_init__` does it."""
    made = f"_default_{each.name}()"
    if not each.init:
        return None
    if each.default_factory is MISSING:
        return each.name
    return f"{made} if {each.name} is _UNSAID else {each.name}"


def _tuple(every: list[Field[Any]]) -> Tuple:
    """Of these fields of a value."""
    names = [each.name for each in every]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _eq(values: Tuple) -> Callable[..., Any]:
    def __eq__(self: object, other: object) -> Any:  # noqa: N807
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(values: Tuple) -> Callable[..., int]:
    def __hash__(self: object) -> int:  # noqa: N807
        return hash(values(self))

    return __hash__


def _repr(names: list[str]) -> Callable[..., str]:
    def __repr__(self: object) -> str:  # noqa: N807
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def _refuses(name: str, what: str) -> Callable[..., NoReturn]:
    def refuse(_self: object, name: str, *_value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot {what} field {name!r}")

    refuse.__name__ = name
    return refuse


def _states(names: list[str]) -> Iterator[Callable[..., Any]]:
    """By which `copy` and `pickle` take a value and make it again."""

    def __getstate__(self: object) -> list[Any]:  # noqa: N807
        return [getattr(self, name) for name in names]

    def __setstate__(self: object, values: list[Any]) -> None:  # noqa: N807
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    yield __getstate__
    yield __setstate__
