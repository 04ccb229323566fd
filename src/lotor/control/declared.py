"""What every message of the administrator's socket is: values under declared names, frozen, equal by kind and values.

A frozen dataclass would be the same, but for the code that is generated for each class: a command that starts waits for
that longer than for the daemon's answer.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, dataclass_transform


@dataclass_transform(frozen_default=True)
class Declared:
    """A subclass declares its fields by annotations; a value in the class is a default. `declared`: the fields with
    the names of their types."""

    declared: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls) -> None:
        cls.declared = dict(cls.__annotations__)
        type.__setattr__(cls, "__match_args__", tuple(cls.declared))

    def __init__(self, *values: Any, **named: Any) -> None:
        """Raises `TypeError` for a value too many, unknown, given twice, or missing."""
        given = dict(zip(self.declared, values, strict=False))
        if len(given) < len(values) or given.keys() & named.keys() or named.keys() - self.declared.keys():
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.declared) or 'nothing'}, each once")
        for name in self.declared.keys() - given.keys() - named.keys():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} misses {name}")
        vars(self).update(given, **named)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.declared)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.declared)})"
