"""Time that nobody waits for."""

from __future__ import annotations

import asyncio

import pytest

from leaping import LeapLoop


@pytest.fixture
def leaping():
    """Runs a coroutine; its result."""
    loop = LeapLoop()
    yield loop.run_until_complete
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
