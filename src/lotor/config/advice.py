"""Advice: combinations of directives that work but are unwise."""

from __future__ import annotations

from collections.abc import Iterator

from lotor.config import directories, engine, exposure, fleet, ikev2, ikev2_check, network, pam, radius, sainfos
from lotor.config.giving_check import group_advice, ikev1_advice
from lotor.config.methods import is_gateway, key_methods
from lotor.config.problem import Problem
from lotor.config.settings import Accounting, AuthSource, RemoteSettings, Script, Settings
from lotor.model.policy import ExchangeMode


def advice(settings: Settings) -> Iterator[Problem]:
    """Warnings about whole blocks."""
    if not settings.remotes:  # racoon starts, too, and waits for a file that is included after a reload
        yield Problem.at(settings.places.head, "there is no remote block, so nobody can connect: add one")
    yield from sainfos.advice(settings)
    yield from network.advice(settings)
    yield from directories.advice(settings)
    yield from fleet.advice(settings)
    yield from radius.advice(settings)
    yield from exposure.advice(settings)
    yield from engine.advice(settings)
    yield from _pam(settings)
    yield from group_advice(settings)
    yield from ikev1_advice(settings)
    for remote in settings.remotes:
        yield from _replaced(remote)
        yield from ikev2_check.advice(remote)
        yield from ikev2_check.ticketless(remote, settings)
        if ExchangeMode.AGGRESSIVE in remote.exchange_mode and ikev2.speaks_1(remote):
            yield from _guessable(remote)


def _pam(settings: Settings) -> Iterator[Problem]:
    """A service that is not there is no reason to take the gateway down: each login and each session looks for it."""
    mode_cfg = settings.mode_cfg
    if mode_cfg is None or not is_gateway(settings):
        return
    logins, accounts = mode_cfg.auth_source is AuthSource.PAM, mode_cfg.accounting is Accounting.PAM
    named = "pam_service" if "pam_service" in mode_cfg.places.fields else ""
    if logins and (lacking := pam.missing(mode_cfg.pam_service)):
        yield Problem.at(mode_cfg.places.of(named or "auth_source"), f"no login can be judged: {lacking}")
    if accounts and (lacking := pam.missing(mode_cfg.pam_service, sessions=True)):
        yield Problem.at(mode_cfg.places.of(named or "accounting"), f"no session of PAM can be opened: {lacking}")


def _replaced(remote: RemoteSettings) -> Iterator[Problem]:
    last: dict[str, Script] = {each.event: each for each in remote.scripts}
    for script in remote.scripts:
        if (counts := last[script.event]) is not script:
            text = f"{script.event} has another script, at {counts.file.at}: that one runs, this one does not"
            yield Problem.at(script.file.at, text)


def _guessable(remote: RemoteSettings) -> Iterator[Problem]:
    """VU#886601: in aggressive mode anyone can ask the gateway for a hash over its key, which travels in clear."""
    for method in key_methods(remote):
        text = (
            f"{method.name} in aggressive mode gives everybody a hash by which the key can be guessed offline "
            "(VU#886601): use exchange_mode main, or a hybrid_rsa method; else take a long random key"
        )
        yield Problem.at(method.at, text)
        return
