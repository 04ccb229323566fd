"""`lotor pki acme` and `status`: what is refused before anybody is asked, and a process of it that misbehaves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from cryptography import x509

from keys import certificate_lab as lab
from lotor.acme.task import Challenge, Task
from lotor.cli import acme
from lotor.cli.acme import MOST_STATEMENTS, Run, Wish
from lotor.cli.main import lotor
from lotor.crypto.private.issuing import CHALLENGE
from lotor.crypto.private.keypair import generate_key
from lotor.daemon.exits import Exit
from lotor.model.algorithms import Curve
from lotor.model.secret import Secret
from lotor.pki.acme import Place, Record, public_names
from lotor.pki.fault import PkiError
from lotor.privsep.certifying import (
    AGREE,
    ISSUED,
    REFUSED_BY,
    SHOW_CHALLENGE,
    SIGN_STATEMENT,
    Issued,
    Refusal,
    Showing,
    Statement,
)
from lotor.privsep.serving import Denied

NAME = "vpn.example.net"
RECORD = Record("https://ca.example.org/directory", "", (), (NAME,), ("p256",), "http-01")
AUTHORITY = lab.authority()


def said(*words):
    return CliRunner().invoke(lotor, ["pki", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give NAMES"),
        (("--renew", NAME), "give NAMES"),
        (("--staging", "--server", "https://x", NAME), "take one of them"),
        (("--key", "ec256", "--bits", "2048", NAME), "--bits is for RSA"),
        (("--challenge", "dns-01", NAME), "not one of"),
    ],
)
def test_command_lines_that_mean_nothing(tmp_path, words, told):
    done = said("acme", "-d", tmp_path, *words)
    assert done.exit_code == Exit.USAGE
    assert told in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("192.0.2.50",), "is an address"),
        (("*.example.net",), "stands for many hosts"),
        (("--renew",), "nothing was ordered"),
    ],
)
def test_what_nobody_is_asked_for(tmp_path, words, told):
    done = said("acme", "-d", tmp_path, *words)
    assert told in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_what_another_authority_made_is_kept(tmp_path):
    (tmp_path / "vpngw.crt").write_bytes(lab.issue(AUTHORITY, dns=(NAME,)).pem)
    done = said("acme", "-d", tmp_path, NAME)
    assert "exists already, and not by ACME: --force" in str(done.exception)


def keep(directory, record, days=90, age=0):
    """A certificate that was ordered so."""
    place = Place(directory)
    start = datetime.now(UTC) - timedelta(days=age)
    with place.locked():
        place.note(record)
        key = place.key("vpngw", record.kinds[0])
    holder = lab.issue(AUTHORITY, dns=(NAME,), private=key.handle, start=start, end=start + timedelta(days=days))
    (directory / "vpngw.crt").write_bytes(holder.pem)
    return place


def test_what_is_not_due_is_left_alone(tmp_path):
    keep(tmp_path, RECORD)
    assert said("acme", "-d", tmp_path, "--renew").output == "nothing is due\n"


def test_an_hour_that_the_authority_asked_for_is_waited_for(tmp_path):
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    keep(tmp_path, Record(**{**_fields(RECORD), "failure": "too many", "after": until}), age=80)
    told = said("acme", "-d", tmp_path, "--renew").output
    assert "wants nothing of this host before" in told
    assert "too many" in told
    done = said("status", "-d", tmp_path)
    assert done.exit_code == Exit.FAILED
    told = done.output
    assert "failed: too many" in told
    assert "in 9 days; renewed by ACME from" in told


def _fields(record):
    return {name: getattr(record, name) for name in Record.__slots__}


def test_the_state_of_what_nobody_renews(tmp_path):
    none = said("status", "-d", tmp_path)
    assert none.exit_code == Exit.FAILED
    assert "there is no gateway's certificate" in str(none.exception)
    assert "lotor pki gateway makes one" in str(none.exception)
    assert said("ca", "-d", tmp_path).exit_code == 0
    assert said("gateway", "--bits", "2048", "-d", tmp_path, NAME).exit_code == 0
    good = said("status", "-d", tmp_path)
    assert good.exit_code == Exit.OK
    assert "vpngw.crt (RSA 2048 bits): ends" in good.output
    assert "nothing renews it by itself" in good.output
    (tmp_path / "vpngw.crt").write_bytes(b"no certificate")
    assert said("status", "-d", tmp_path).exit_code == Exit.FAILED


def test_a_certificate_that_has_ended_is_a_fault(tmp_path):
    keep(tmp_path, RECORD, age=120)
    done = said("status", "-d", tmp_path)
    assert done.exit_code == Exit.FAILED
    assert ": ended " in done.output


def test_a_port_that_is_taken_is_told_and_written_down(tmp_path, monkeypatch):
    def taken(*_, **__):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(acme.socket, "create_server", taken)
    done = said("acme", "-d", tmp_path, "--key", "ec256", NAME)
    assert "TCP port 80: Address already in use; --challenge tls-alpn-01" in str(done.exception)
    assert "Address already in use" in Place(tmp_path).record().failure


def test_an_order_that_fails_leaves_what_renewals_go_by(tmp_path, monkeypatch):
    def taken(*_, **__):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(acme.socket, "create_server", taken)
    place = keep(tmp_path, RECORD)
    done = said("acme", "-d", tmp_path, "--key", "ec256", "--server", "https://other.example.org/", NAME)
    assert "Address already in use" in str(done.exception)
    assert place.record() == RECORD
    done = said("acme", "-d", tmp_path, "--renew", "--force")
    assert place.record().failure == str(done.exception)


def test_a_disk_that_is_full_behind_the_certificate_keeps_no_daemon_from_it(tmp_path, monkeypatch):
    """Nothing would be due at the next run, which would tell the daemon nothing."""
    keep(tmp_path, RECORD, age=80)
    reloaded = []

    def full(*_):
        raise PkiError("No space left on device")

    def visit(run):
        ask(run, ISSUED, Issued(0, certified(run).pem))
        monkeypatch.setattr(Place, "came_out", full)

    monkeypatch.setattr(acme, "_visit", visit)
    monkeypatch.setattr(acme, "_reload", reloaded.append)
    assert "No space left" in str(said("acme", "-d", tmp_path, "--renew").exception)
    assert len(reloaded) == 1
    assert said("acme", "-d", tmp_path, "--renew").output == "nothing is due\n"


# --- a process that misbehaves ---------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    place = Place(tmp_path)
    with place.locked():
        pass
    key = generate_key(Curve.P256)
    return Run(place, RECORD, Wish(), generate_key(Curve.P256), public_names((NAME,)), {"vpngw": key})


def ask(run, verb, value):
    return asyncio.run(run.rows()[verb.number](value)).value


def certified(run, **wish):
    """Of today, for the key of the order unless another is given."""
    now = datetime.now(UTC)
    fields = {"dns": (NAME,), "private": run.keys["vpngw"].handle, "start": now, "end": now + timedelta(days=9)}
    return lab.issue(AUTHORITY, **{**fields, **wish})


def test_a_process_has_no_more_signed_than_an_order_takes(run):
    one = Statement("https://ca.example.org/x", "nonce", b"{}", None)
    assert b"signature" in ask(run, SIGN_STATEMENT, one)
    run.statements = MOST_STATEMENTS
    with pytest.raises(Denied):
        ask(run, SIGN_STATEMENT, one)


def test_a_process_has_nothing_signed_but_what_its_order_takes(run):
    """Nothing that revokes, hands the account to another key (RFC 8555 §7.3.5), or has another key certified."""
    task = Task("nobody", "", "", (), (NAME,), (b"a request",), Challenge.HTTP, "", 1.0, 1.0)
    run.allowed = task.statements()
    orders = (b'{"identifiers": [{"type": "dns", "value": "vpn.example.net"}]}', b'{"csr": "YSByZXF1ZXN0"}')
    for payload in (b"", b"{}", b'{"termsOfServiceAgreed": true}', *orders):
        assert b"signature" in ask(run, SIGN_STATEMENT, Statement("https://ca.example.org/x", "nonce", payload, None))
    for payload in (
        b'{"protected": "", "payload": "", "signature": ""}',
        b'{"certificate": "MA"}',
        b'{"status": "deactivated"}',
        b'{"csr": "YW5vdGhlcg"}',
        b'{"identifiers": [{"type": "dns", "value": "www.example.net"}]}',
    ):
        with pytest.raises(Denied):
            ask(run, SIGN_STATEMENT, Statement("https://ca.example.org/x", "nonce", payload, None))


def test_a_process_proves_no_name_but_those_that_were_ordered(run):
    shown = ask(run, SHOW_CHALLENGE, Showing(NAME, bytes(32)))
    assert isinstance(shown, Secret)
    certificate = x509.load_pem_x509_certificate(shown.reveal())
    assert certificate.extensions.get_extension_for_oid(CHALLENGE).critical
    for wrong in (Showing("other.example.net", bytes(32)), Showing(NAME, bytes(33)), Showing(NAME, b"")):
        with pytest.raises(Denied):
            ask(run, SHOW_CHALLENGE, wrong)


@pytest.mark.parametrize("wrong", ["number", "nonsense", "key", "name"])
def test_a_process_hands_over_no_certificate_but_ours(run, wrong):
    other = {
        "number": Issued(1, certified(run).pem),
        "nonsense": Issued(0, b"nonsense"),
        "key": Issued(0, certified(run, private=lab.key("other")).pem),
        "name": Issued(0, certified(run, dns=("x.example",)).pem),
    }
    with pytest.raises(Denied):
        ask(run, ISSUED, other[wrong])
    assert not run.place.chain("vpngw")
    assert not run.taken


def test_what_it_hands_over_is_kept(run):
    good = certified(run)
    ask(run, ISSUED, Issued(0, good.pem))
    assert run.place.chain("vpngw")[0].der == good.der
    assert run.over.is_set()


def test_its_words_are_cleaned_and_the_first_count(run):
    ask(run, REFUSED_BY, Refusal("a\x1b[31mred", "help\n", 7.0))
    ask(run, REFUSED_BY, Refusal("another", "", None))
    text, fix, after = run.failure
    assert "\x1b" not in text
    assert "\n" not in fix
    assert after == 7.0


def test_terms_are_asked_once(run, monkeypatch):
    asked = []
    monkeypatch.setattr(acme.click, "confirm", lambda text: asked.append(text) or False)
    assert ask(run, AGREE, "https://ca.example.org/terms") is False
    assert "https://ca.example.org/terms" in asked[0]
    run.record = Record(**{**_fields(RECORD), "terms": "https://ca.example.org/terms"})
    assert ask(run, AGREE, "https://ca.example.org/terms") is True
    assert ask(run, AGREE, "https://ca.example.org/terms-2") is False
    assert len(asked) == 2


def test_terms_that_a_person_refused_are_asked_again(tmp_path, monkeypatch):
    """Nothing is written down by which a renewal would agree."""
    terms, asked = "https://ca.example.org/terms", []
    monkeypatch.setattr(acme.click, "confirm", lambda text: asked.append(text) or False)

    def visit(run):
        if not ask(run, AGREE, terms):
            ask(run, REFUSED_BY, Refusal("nobody agreed to the terms of the authority", "", None))

    monkeypatch.setattr(acme, "_visit", visit)
    for words in (("--key", "ec256", NAME), ("--renew",), ("--renew",)):
        assert "nobody agreed" in str(said("acme", "-d", tmp_path, *words).exception)
        assert not Place(tmp_path).record().terms
    assert len(asked) == 3
