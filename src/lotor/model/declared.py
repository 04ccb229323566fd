"""Frozen values that come in families of many kinds, equal by kind and fields: reasons, events, questions, messages of
the control socket.

A frozen dataclass would be the same, but for the six methods that are compiled for each class: a millisecond for every
kind at every start, and a command would wait for that longer than for the daemon's answer.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class Declared:
    """A subclass declares its fields by annotations; a value in the class is a default. `declared`: the fields with
    the names of their types, those of the base first."""

    declared: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = vars(cls).get("__annotations__", {})
        cls.declared = cls.declared | {name: kind for name, kind in own.items() if not kind.startswith("ClassVar")}
        type.__setattr__(cls, "__match_args__", tuple(cls.declared))

    def __init__(self, *values: Any, **named: Any) -> None:
        """Raises `TypeError` for a value too many, unknown, given twice, or missing."""
        given = dict(zip(self.declared, values, strict=False))
        if named or not len(values) == len(given) == len(self.declared):
            given = self._completed(given, len(values), named)
        if type(self).cleaned is not Declared.cleaned:
            given = {name: self.cleaned(value) for name, value in given.items()}
        vars(self).update(given)

    def _completed(self, given: dict[str, Any], positional: int, named: dict[str, Any]) -> dict[str, Any]:
        """With values by name and by default, in the order of the declaration."""
        if len(given) < positional or given.keys() & named.keys() or named.keys() - self.declared.keys():
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.declared) or 'nothing'}, each once")
        given |= named
        for name in self.declared:
            if name not in given and not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} misses {name}")
        return {name: given[name] if name in given else getattr(type(self), name) for name in self.declared}

    @staticmethod
    def cleaned(value: Any) -> Any:
        """What a field keeps of a value that comes in."""
        return value

    def but(self, **changed: Any) -> Self:
        """The same with other values."""
        return type(self)(**{**vars(self), **changed})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"
