"""Hashes of passwords: right and wrong ones, also from several threads at once."""

from __future__ import annotations

import threading

import pytest

from lotor.crypto import passwords as module
from lotor.crypto.passwords import Cost, NotPhcError, check_password, hash_password
from lotor.model.secret import Secret

CHEAP = Cost(memory=1024, passes=2, lanes=4)
PATIENCE = 60.0
"""Seconds after which threads that wait for each other are given up."""


def test_the_right_password_fits_and_no_other():
    phc = hash_password(Secret(b"wonderland"), CHEAP)
    assert phc.startswith("$argon2id$v=19$m=1024,t=2,p=4$")
    assert check_password(Secret(b"wonderland"), phc)
    assert not check_password(Secret(b"looking-glass"), phc)


@pytest.mark.parametrize(
    "text", ["", "no hash", "$argon2id$v=19$m=64,t=1,p=1$AAAA", "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAA"]
)
def test_what_is_no_hash_is_called_so(text):
    with pytest.raises(NotPhcError):
        check_password(Secret(b"wonderland"), text)


@pytest.mark.parametrize("cost", [CHEAP, Cost(memory=1024, passes=2, lanes=1)], ids=["four lanes", "one lane"])
def test_logins_at_the_same_time_do_not_wait_for_each_other_for_ever(cost):
    phc = hash_password(Secret(b"wonderland"), cost)
    found = []

    def log_in():
        found.extend(check_password(Secret(b"wonderland"), phc) for _ in range(20))

    threads = [threading.Thread(target=log_in, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [True] * 80


def test_f7_hashes_of_one_lane_are_computed_beside_each_other(monkeypatch):
    phc = hash_password(Secret(b"wonderland"), Cost(memory=64, passes=1, lanes=1))
    monkeypatch.setattr(module, "_ONE_AT_A_TIME", None)
    assert check_password(Secret(b"wonderland"), phc)
    with pytest.raises(TypeError):
        check_password(Secret(b"wonderland"), phc.replace("p=1", "p=4"))
