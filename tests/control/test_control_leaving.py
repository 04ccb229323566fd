"""A caller who leaves at any moment of a prompt: what he asked for is given up, never kept waiting."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from lotor.control.conversation import Conversation
from lotor.control.service import Credential
from lotor.control.turns import Turns
from lotor.model.prompt import Field


class Writer:
    """Reads each answer a turn of the loop later."""

    transport = SimpleNamespace(set_write_buffer_limits=lambda *_: None)

    def write(self, octets: bytes) -> None:
        self.octets = octets

    async def drain(self) -> None:
        await asyncio.sleep(0)


@pytest.mark.parametrize("turns", range(8))
def test_a_prompt_is_given_up_at_whatever_turn_its_caller_leaves(turns):
    async def play():
        streams = (asyncio.StreamReader(), Writer())
        conversation = Conversation(None, Turns(), Credential(1, 0, 0), streams)
        asked = asyncio.create_task(conversation.prompt((Field.PASSWORD,), ""))
        for _ in range(turns):
            await asyncio.sleep(0)
        asked.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
        gone = asked.cancelled()
        asked.cancel()
        return gone

    assert asyncio.run(play())
