"""What carries ESP: which engine is wanted, and which one does it for what reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Engine(Enum):
    """By the words that `lotor status` has for them."""

    USERSPACE = "userspace"
    KERNEL = "kernel"


class EngineWish(Enum):
    """By the words of the directive `engine`. `PREFER_KERNEL`: user space where the kernel has no ESP."""

    AUTO = "auto"
    USERSPACE = "userspace"
    KERNEL = "kernel"
    PREFER_KERNEL = "prefer_kernel"

    @property
    def asks_kernel(self) -> bool:
        return self in {EngineWish.KERNEL, EngineWish.PREFER_KERNEL}


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """`why`: in words, after the name of the engine. `fell_back`: the kernel's was wanted, and is not there."""

    engine: Engine
    why: str
    fell_back: bool = False
