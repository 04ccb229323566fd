"""Certificates, users and a banner for programs that are visited."""

from __future__ import annotations

import pytest

from lab import pki
from lotor.auth import UserFile
from lotor.crypto.passwords import Cost
from lotor.model.secret import Secret
from visiting import PASSWORD


@pytest.fixture(scope="session")
def authority():
    return pki.authority()


@pytest.fixture(scope="session")
def gateway_certificate(authority):
    return pki.gateway(authority, "127.0.0.1")


@pytest.fixture
def directory(tmp_path, authority, gateway_certificate):
    authority.save(tmp_path, "ca")
    gateway_certificate.save(tmp_path, "vpngw")
    (tmp_path / "motd").write_text("Flying pigs LTD\n\x1b[2Jwelcome\n")
    users = UserFile(tmp_path / "users", Cost(memory=64, passes=1, lanes=1))
    for name in ("alice", "bob"):
        users.add(name, Secret(PASSWORD))
    return tmp_path
