"""The one holder of the present configuration: a reload replaces it here, and whatever follows it hears in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Present(Generic[T]):
    def __init__(self, first: T) -> None:
        self._now = first
        self._followers: list[Callable[[T], None]] = []

    @property
    def now(self) -> T:
        return self._now

    def follow(self, follower: Callable[[T], None]) -> None:
        """`follower` is called with each later one, after those that followed before it; it must not raise."""
        self._followers.append(follower)

    def replace(self, new: T) -> None:
        self._now = new
        for follower in self._followers:
            follower(new)
