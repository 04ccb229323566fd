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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a configuration wants of the engine: the word of `engine`, and the network device that does the cryptography
    of the kernel's ESP (`esp_offload`), empty for none."""

    wish: EngineWish = EngineWish.AUTO
    offload: str = ""

    @property
    def asks_kernel(self) -> bool:
        """Only the kernel hands ESP to a device: naming one asks for it, where nothing else is written."""
        return self.wish in {EngineWish.KERNEL, EngineWish.PREFER_KERNEL} or (
            self.wish is EngineWish.AUTO and bool(self.offload)
        )

    def __str__(self) -> str:
        """As it is written in the file."""
        return f"engine {self.wish.value}" + (f", esp_offload {self.offload}" if self.offload else "")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """`why`: in words, after the name of the engine. `fell_back`: the kernel's was wanted, and is not there."""

    engine: Engine
    why: str
    fell_back: bool = False
