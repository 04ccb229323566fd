"""The conversation with an authority, which is scripted here: what it says well, badly, and not at all."""

from __future__ import annotations

import contextlib
import json
from time import monotonic

import pytest

from lotor.acme import conversation
from lotor.acme.conversation import MOST_NONCES, Conversation
from lotor.acme.faults import PREFIX, AcmeFault
from lotor.acme.https import MOST_OCTETS, Answer
from lotor.acme.task import Challenge, Task

HOST = "https://ca.example.org"
PLACES = {name: f"{HOST}/{name}" for name in ("newNonce", "newAccount", "newOrder")}
TASK = Task(
    *("nobody", f"{HOST}/directory", "", ("mailto:a@example.org",), ("vpn.example.net",), (b"a request",)),
    *(Challenge.HTTP, "thumb", 5.0, 60.0),
)
PROVED = {"type": "http-01", "url": f"{HOST}/prove", "token": "to-ken_1"}


def answer(status=200, document=None, body=None, **fields):
    octets = body if body is not None else json.dumps(document or {}).encode()
    names = {name.replace("_", "-"): text for name, text in fields.items()}
    return Answer(status, {"replay-nonce": "next", **names}, octets)


def problem(kind, detail="its words", status=403, **fields):
    return answer(status, {"type": f"{PREFIX}{kind}", "detail": detail, **fields})


class Authority:
    """What it says by the last part of the URL: an answer, or several one after another."""

    def __init__(self, **says):
        self.says = {
            "directory": answer(document={**PLACES, "meta": {"termsOfService": "https://ca.example.org/terms"}}),
            "newNonce": answer(body=b""),
            "newAccount": answer(201, location=f"{HOST}/account"),
            "newOrder": answer(
                201,
                {"authorizations": [f"{HOST}/vpn"], "finalize": f"{HOST}/finalize"},
                location=f"{HOST}/order",
            ),
            "vpn": [
                answer(
                    document={
                        "status": "pending",
                        "identifier": {"type": "dns", "value": "vpn.example.net"},
                        "challenges": [{"type": "dns-01"}, PROVED],
                    }
                ),
                answer(document={"status": "pending"}, retry_after="1"),
                answer(document={"status": "valid"}),
            ],
            "prove": answer(),
            "finalize": answer(),
            "order": answer(document={"status": "valid", "certificate": f"{HOST}/certificate"}),
            "certificate": answer(body=b"a chain"),
            **says,
        }
        self.asked = []
        self.shown = []
        self.signed = []

    def ask(self, method, url, body=None):
        self.asked.append(url.rpartition("/")[2])
        said = self.says[self.asked[-1]]
        found = said.pop(0) if isinstance(said, list) else said
        if isinstance(found, Exception):
            raise found
        return found

    def sign(self, statement):
        self.signed.append(statement)
        return b"signed"

    def agree(self, terms):
        assert terms == "https://ca.example.org/terms"
        return True

    @contextlib.contextmanager
    def presents(self, name, token, authorization):
        self.shown.append((name, token, authorization))
        try:
            yield
        finally:
            self.shown.append("gone")

    def certificates(self, task=TASK):
        taken = []
        talk = Conversation(task, self, self, self.presents, monotonic() + task.seconds)
        talk.certificates(lambda number, chain: taken.append((number, chain)))
        return taken


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Nobody waits."""
    found = []
    monkeypatch.setattr(conversation, "sleep", found.append)
    return found


def test_from_a_directory_to_a_certificate(pauses):
    authority = Authority()
    assert authority.certificates() == [(0, b"a chain")]
    assert authority.shown == [("vpn.example.net", "to-ken_1", "to-ken_1.thumb"), "gone"]
    assert pauses == [1.0]
    assert authority.asked[:2] == ["directory", "newNonce"]
    assert authority.asked.count("newNonce") == 1
    assert [each.account for each in authority.signed[:2]] == [None, f"{HOST}/account"]
    assert json.loads(authority.signed[0].payload) == {
        "termsOfServiceAgreed": True,
        "contact": ["mailto:a@example.org"],
    }


def test_a_name_that_is_proved_already_is_not_proved_again():
    authority = Authority(vpn=answer(document={"status": "valid"}))
    assert authority.certificates() == [(0, b"a chain")]
    assert authority.shown == []


def test_a_forgotten_nonce_is_no_fault():
    bad = problem("badNonce", status=400)
    authority = Authority(newAccount=[bad, bad, answer(201, location=f"{HOST}/account")])
    assert authority.certificates()
    assert authority.asked.count("newAccount") == 3
    endless = Authority(newAccount=bad)
    with pytest.raises(AcmeFault, match="its words"):
        endless.certificates()
    assert endless.asked.count("newAccount") == MOST_NONCES


def test_a_nonce_is_used_once():
    authority = Authority()
    authority.says["newAccount"] = Answer(201, {"location": f"{HOST}/account"}, b"{}")
    authority.certificates()
    assert authority.asked.count("newNonce") == 2


@pytest.mark.parametrize(
    ("kind", "helps"),
    [
        ("rateLimited", "--staging"),
        ("dns", "A or AAAA record"),
        ("connection", "TCP port 80"),
        ("unauthorized", "TCP port 80"),
        ("caa", "CAA record"),
        ("rejectedIdentifier", "none for such a name"),
        ("externalAccountRequired", "--server"),
        ("userActionRequired", "terms have changed"),
        ("invalidContact", "--contact"),
        ("badCSR", "--key rsa"),
        ("serverInternal", "its own fault"),
        ("somethingNew", ""),
    ],
)
def test_what_an_authority_says_is_told_with_what_helps(kind, helps):
    failed = {"type": f"{PREFIX}{kind}", "detail": "its words"}
    document = {"status": "invalid", "identifier": {"value": "vpn.example.net"}, "challenges": [{"error": failed}]}
    authority = Authority()
    authority.says["vpn"][1:] = [answer(document=document)]
    for each in (authority, Authority(newOrder=problem(kind))):
        with pytest.raises(AcmeFault) as fault:
            each.certificates()
        assert "its words" in fault.value.text
        assert helps in fault.value.fix
    assert authority.shown[-1] == "gone"


def test_an_hour_that_an_authority_asks_for_is_kept():
    limited = problem("rateLimited", status=429)
    with pytest.raises(AcmeFault) as fault:
        Authority(newOrder=Answer(429, {**limited.fields, "retry-after": "7200"}, limited.body)).certificates()
    assert fault.value.after == 7200
    with pytest.raises(AcmeFault) as fault:
        Authority(newOrder=limited).certificates()
    assert fault.value.after == 3600


def test_who_does_not_agree_has_no_account():
    authority = Authority()
    authority.agree = lambda _: False
    with pytest.raises(AcmeFault, match="nobody agreed"):
        authority.certificates()
    assert "newAccount" not in authority.asked


def test_an_authority_that_never_decides_is_left(pauses):
    waits = answer(document={"status": "processing"}, retry_after="100000")
    authority = Authority(order=waits)
    with pytest.raises(AcmeFault, match="did not decide within 10 seconds"):
        authority.certificates(Task(*(getattr(TASK, name) for name in Task.__slots__[:-1]), 10.0))
    assert all(each <= conversation.LONGEST for each in pauses)


BAD = {
    "a directory of nothing": {"directory": answer(body=b"<html>")},
    "a directory that is a list": {"directory": answer(body=b"[]")},
    "deep JSON": {"directory": answer(body=b"[" * 100_000)},
    "a place without TLS": {"directory": answer(document={**PLACES, "newAccount": "http://ca.example.org/"})},
    "a place that is a number": {"directory": answer(document={**PLACES, "newAccount": 7})},
    "a long place": {"directory": answer(document={**PLACES, "newAccount": "https://" + "a" * 3000})},
    "no account": {"newAccount": answer(201)},
    "no authorizations": {"newOrder": answer(201, {}, location=f"{HOST}/order")},
    "too many": {"newOrder": answer(201, {"authorizations": [f"{HOST}/vpn"] * 101}, location=f"{HOST}/order")},
    "another name": {
        "vpn": answer(document={"status": "pending", "identifier": {"value": "x.example"}, "challenges": [PROVED]})
    },
    "no challenge of this kind": {
        "vpn": answer(document={"status": "pending", "identifier": {"value": "vpn.example.net"}, "challenges": [7]})
    },
    "a token that is a path": {
        "vpn": answer(
            document={
                "status": "pending",
                "identifier": {"value": "vpn.example.net"},
                "challenges": [{**PROVED, "token": "../../etc"}],
            }
        )
    },
    "a chain without end": {"certificate": answer(body=bytes(MOST_OCTETS))},
    "a refusal of nothing": {"newOrder": answer(403, body=b"no")},
    "a refusal with odd members": {"newOrder": answer(403, {"type": 7, "detail": ["x"], "subproblems": [3]})},
    "a place that is no URL": {"directory": answer(document={**PLACES, "newAccount": "https://["})},
    "a state that is a list": {"order": answer(document={"status": ["valid"]})},
    "no answer": {"finalize": AcmeFault("ca.example.org did not answer within 5 seconds")},
    "an account of its own": {"directory": answer(document={**PLACES, "meta": {"externalAccountRequired": True}})},
}


@pytest.mark.parametrize("which", BAD)
def test_nonsense_of_an_authority_is_a_fault_and_nothing_else(which):
    authority = Authority(**BAD[which])
    with pytest.raises(AcmeFault) as fault:
        authority.certificates()
    assert len(fault.value.text) < 600
