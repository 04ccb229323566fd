"""Advice: combinations of directives that work but are unwise."""

from __future__ import annotations

from collections.abc import Iterator

from lotor.config.methods import key_methods
from lotor.config.problem import Problem
from lotor.config.settings import RemoteSettings
from lotor.model.policy import ExchangeMode


def advice(remotes: tuple[RemoteSettings, ...]) -> Iterator[Problem]:
    """Warnings about whole blocks."""
    for remote in remotes:
        if ExchangeMode.AGGRESSIVE in remote.exchange_mode:
            yield from _guessable(remote)


def _guessable(remote: RemoteSettings) -> Iterator[Problem]:
    """VU#886601: in aggressive mode anyone can ask the gateway for a hash over its key, which travels in clear."""
    for method in key_methods(remote):
        text = (
            f"{method.name} in aggressive mode gives everybody a hash by which the key can be guessed offline "
            "(VU#886601): use exchange_mode main, or a hybrid_rsa method; else take a long random key"
        )
        yield Problem.at(method.at, text)
        return
