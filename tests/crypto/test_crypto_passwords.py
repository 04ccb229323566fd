"""Hashes of passwords: right and wrong ones, also from several threads at once."""

from __future__ import annotations

import threading

from lotor.crypto.passwords import Cost, check_password, hash_password
from lotor.model.secret import Secret

CHEAP = Cost(memory=1024, passes=2, lanes=4)
PATIENCE = 60.0
"""Seconds after which threads that wait for each other are given up."""


def test_the_right_password_fits_and_no_other():
    phc = hash_password(Secret(b"wonderland"), CHEAP)
    assert phc.startswith("$argon2id$v=19$m=1024,t=2,p=4$")
    assert check_password(Secret(b"wonderland"), phc)
    assert not check_password(Secret(b"looking-glass"), phc)
    assert not check_password(Secret(b"wonderland"), "no hash")


def test_logins_at_the_same_time_do_not_wait_for_each_other_for_ever():
    phc = hash_password(Secret(b"wonderland"), CHEAP)
    found = []

    def log_in():
        found.extend(check_password(Secret(b"wonderland"), phc) for _ in range(20))

    threads = [threading.Thread(target=log_in, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == [True] * 80
