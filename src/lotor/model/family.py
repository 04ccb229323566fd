"""Frozen values that come in families of a hundred kinds: a kind is declared by its fields alone."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, fields
from typing import Any, ClassVar, NoReturn, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Member:
    """Base of a family. Its subclasses are dataclasses that inherit their methods: `dataclass` would compile six for
    each of them, which takes a millisecond of every start of every process."""

    field_names: ClassVar[tuple[str, ...]] = ()
    """The fields of a kind, in their order."""

    def __init_subclass__(cls) -> None:
        dataclass(init=False, repr=False, eq=False)(cls)
        cls.field_names = tuple(each.name for each in fields(cls))  # type: ignore[arg-type]  # it became one the line before

    def __init__(self, *values: Any, **named: Any) -> None:
        """`TypeError` for a field that is missing, unknown or given twice."""
        kind, known = type(self).__name__, self.field_names
        given = dict(zip(known, values, strict=False))
        if len(values) > len(known) or given.keys() & named.keys() or not named.keys() <= set(known):
            raise TypeError(f"{kind} has the fields {known}")
        given |= named
        for name in known:
            if name not in given and not hasattr(type(self), name):
                raise TypeError(f"{kind} needs {name}")
            vars(self)[name] = self.cleaned(given[name] if name in given else getattr(self, name))

    @staticmethod
    def cleaned(value: Any) -> Any:
        """A field as it comes in."""
        return value

    def but(self, **changed: Any) -> Self:
        """The same with other fields."""
        return type(self)(**{**vars(self), **changed})

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"{name} of {type(self).__name__} never changes")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"{name} of {type(self).__name__} never goes")
