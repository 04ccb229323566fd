"""TLS to the database: whose certificate counts for which host, and that nothing goes in clear where it must not."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from lotor.config.servers import DatabaseTls
from lotor.fleet import FleetStore
from lotor.ports.fleet import Claim, Member
from postgres import NOBODY
from slapd import certify


@pytest.fixture(scope="module")
def secured(server):
    """The server with a certificate for localhost and 127.0.0.1."""
    certify(server.home)
    certificate, key = server.home / "server.crt", server.home / "server.key"
    key.chmod(0o600)
    if os.geteuid() == 0:  # which may have made them with any umask
        for each in (certificate, key):
            os.chown(each, NOBODY, NOBODY)
    server.stop()
    server.start(ssl="on", ssl_cert_file=str(certificate), ssl_key_file=str(key))
    yield server
    server.stop()
    server.start()


async def here(_name):
    return ["127.0.0.1"]


def store(fleet, database, host, **change):
    made = FleetStore(replace(database, host=host, **change), Member("one", "0" * 32, "1" * 32, 60), look_up=here)
    fleet.made.append(made)
    return made


@pytest.mark.parametrize(
    ("host", "tls", "told"),
    [
        ("localhost", DatabaseTls.FULL, ""),
        ("127.0.0.1", DatabaseTls.FULL, ""),
        ("db.example.net", DatabaseTls.AUTHORITY, ""),
        ("db.example.net", DatabaseTls.UNPROVED, ""),
        ("db.example.net", DatabaseTls.FULL, "not valid for 'db.example.net'"),
    ],
)
def test_whose_certificate_counts(run, secured, host, tls, told):
    authority = (secured.home / "ca.crt").read_text()

    async def play(fleet):
        one = store(fleet, secured.settings(), host, tls=tls, authorities=authority)
        if told:
            with pytest.raises(OSError, match=told):
                await one.open()
            return
        await one.open()
        assert "t" in secured.sql(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'lotor one'"
        )
        await one.claim(Claim(1, "u", "", ()))

    run(play)


def test_a_certificate_of_another_authority_does_not_count(run, secured):
    async def play(fleet):
        with pytest.raises(OSError, match="certificate that is not trusted"):
            await store(fleet, secured.settings(), "localhost", tls=DatabaseTls.FULL).open()

    run(play)


def test_authorities_that_are_none(run, database):
    async def play(fleet):
        with pytest.raises(OSError, match="authorities of the fleet's database"):
            await store(fleet, database, "localhost", tls=DatabaseTls.FULL, authorities="x").open()

    run(play)
