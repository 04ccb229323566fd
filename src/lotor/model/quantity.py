"""A number and its noun, as people write them."""

from __future__ import annotations


def quantity(number: int, noun: str) -> str:
    """`1 warning`, `2 warnings`: for nouns with a regular plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
