"""What a daemon that an intruder owns has of the files of its host, over a real line."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from keys import certificate_lab as lab
from lotor.crypto.certificates import read_certificates
from lotor.daemon import active_config
from lotor.files.public import LARGEST_OF, Content, Kind, LocalFiles, Unreadable
from lotor.model.judgement import Trusted, Untrusted
from lotor.privsep.asking import Refused
from lotor.privsep.codec import encode
from lotor.privsep.configuring import PUBLIC_FILE, PUBLIC_FILES, Contents, Sealed, Wanted
from lotor.privsep.far_files import MOST_RECENT, FarFiles, Recent
from lotor.privsep.frames import Frame, send
from lotor.privsep.frames import Kind as Of
from lotor.privsep.serving import MOST_DENIED
from lotor.trust import RemoteTrust, TrustStore
from lotor.warden import files as module
from lotor.warden import loading
from lotor.warden.files import INLINE, MOST_KEPT, Handouts, public_part, rows
from paired import line, settings
from trust.conftest import prove

CA = lab.authority()
GATEWAY = lab.issue(CA, dns=("vpn.example.net",))
CANARY = b"CanaryOfTheAviary of many a fine day"
REMOTE = """
path certificate "{directory}"; path pre_shared_key "{directory}/psk.txt";
remote anonymous {{
    exchange_mode main; certificate_type x509 "gw.crt" "gw.key"; ca_type x509 "named/ca.pem"; crl "named/lists";
    proposal {{ encryption_algorithm aes; hash_algorithm sha256; authentication_method rsasig; dh_group 14; }}
}}
mode_cfg {{ network4 10.99.99.1; pool_size 20; auth_source local; users "{directory}/users"; }}
sainfo anonymous {{ encryption_algorithm aes; authentication_algorithm hmac_sha256; compression_algorithm deflate; }}
"""
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
PLAIN, CLOSED = NoEncryption(), BestAvailableEncryption(b"sesame")
SECRETS = {
    "psk.txt": b"alice " + CANARY + b"\n",
    "hex": b"0x0" + b"0" * 119,
    "users": b"bob:" + CANARY + b"\n",
    "pkcs8 in PEM": lab.key_pem(GATEWAY.private),
    "pkcs1 in PEM": GATEWAY.private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, PLAIN),
    "encrypted PEM": GATEWAY.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, CLOSED),
    "OpenSSH": GATEWAY.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, PLAIN),
    "pkcs8 in DER": GATEWAY.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, PLAIN),
    "pkcs1 in DER": GATEWAY.private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, PLAIN),
    "elliptic in DER": ELLIPTIC.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, PLAIN),
    "encrypted DER": GATEWAY.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, CLOSED),
    "pkcs12": pkcs12.serialize_key_and_certificates(b"gw", GATEWAY.private, GATEWAY.certificate, None, CLOSED),
    "a cut key": lab.key_pem(GATEWAY.private)[:-30],
    "a key behind a certificate in DER": GATEWAY.der
    + GATEWAY.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, PLAIN),
    "nothing": b"",
    "one octet": b"\x30",
}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "named").mkdir()
    for name, octets in {
        "ca.crt": CA.pem,
        "gw.crt": GATEWAY.pem,
        "gw.key": SECRETS["pkcs8 in PEM"],
        "psk.txt": SECRETS["psk.txt"],
        "users": SECRETS["users"],
        "named/ca.pem": CA.pem,
        "named/lists": lab.list_pem(CA),
        "named/other.pem": CA.pem,
    }.items():
        put(tmp_path / name, octets)
    return tmp_path


def put(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    path.chmod(0o600)
    return path


def of(directory, text=REMOTE):
    text = text.format(directory=directory).replace('"named/', f'"{directory}/named/')
    return settings(text)


@asynccontextmanager
async def daemon(*configurations, files=None):
    handouts = Handouts(lambda: configurations, files or LocalFiles())
    try:
        async with line(rows(handouts)) as (asker, lost):
            yield asker, lost, handouts
    finally:
        handouts.close()


def play(story):
    async def run():
        async with asyncio.timeout(60):
            return await story()

    return asyncio.run(run())


async def read(asker, path, kind=Kind.CERTIFICATES, known=None):
    return await asker.ask(PUBLIC_FILE, Wanted(path, kind, known))


def test_what_the_configuration_names_is_read_and_nothing_else(place):
    named = [
        (place / "named/ca.pem", Kind.CERTIFICATES),
        (place / "named/lists", Kind.LISTS),
        (place / "ca.crt", Kind.CERTIFICATES),
    ]
    others = [
        *((path, kind) for path, _ in named[:2] for kind in Kind if (path, kind) not in named),
        *((place / name, kind) for name in ("psk.txt", "gw.key", "users", "racoon.conf") for kind in Kind),
        (place / "ca.crt", Kind.LISTS),
        (place / "named/other.pem", Kind.CERTIFICATES),
        (place / "named/../ca.crt", Kind.CERTIFICATES),
        (place / "named/../named/ca.pem", Kind.CERTIFICATES),
        (place / "../ca.crt", Kind.CERTIFICATES),
        (place / "below/x.crt", Kind.CERTIFICATES),
        (place / ".crt/../gw.key", Kind.CERTIFICATES),
        (Path("/etc/shadow"), Kind.CERTIFICATES),
        (Path("/proc/self/mem"), Kind.LISTS),
        (Path("/ca.crt"), Kind.CERTIFICATES),
    ]

    async def story():
        async with daemon(of(place)) as (asker, lost, _):
            given = [(await read(asker, *each)).value for each in named]
            for each in others:
                with pytest.raises(Refused):
                    await read(asker, *each)
            return given, lost.done()

    given, lost = play(story)
    assert len(others) < MOST_DENIED
    assert [type(each) for each in given] == [Content] * 3
    assert not lost


def test_a_name_in_other_words_is_no_name(place):
    """The codec has one form for each: another one ends the line."""

    async def story():
        async with daemon(of(place)) as (asker, lost, _):
            text = os.fsencode(place / "ca.crt").replace(b"/ca.crt", b"//ca.crt")
            body = len(text).to_bytes(4, "big") + text + b"\0\1"
            send(asker._end, Frame(Of.REQUEST, PUBLIC_FILE.number, 1, body))
            return await lost

    assert "no absolute name" in play(story)


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_leaves_under_the_name_of_a_certificate(place, secret, link, tmp_path_factory):
    outside = put(tmp_path_factory.mktemp("outside") / "secret", SECRETS[secret])
    for name in ("evil.crt", "evil.crl", "0a1b2c3d.0"):
        link(outside, place / name)

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            return [
                (await read(asker, place / name, kind)).value
                for name, kind in (
                    ("evil.crt", Kind.CERTIFICATES),
                    ("0a1b2c3d.0", Kind.CERTIFICATES),
                    ("evil.crl", Kind.LISTS),
                )
            ]

    found = play(story)
    assert [each.octets for each in found if isinstance(each, Content)] == [b""] * 3


def test_of_a_key_beside_a_certificate_the_certificate_leaves(place):
    key = SECRETS["pkcs8 in PEM"]
    for number, octets in enumerate((key + GATEWAY.pem + CA.pem, CANARY + GATEWAY.pem + key + CA.pem + CANARY)):
        put(place / f"both{number}.pem", octets)

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            return [(await read(asker, place / f"both{number}.pem")).value.octets for number in range(2)]

    found = play(story)
    assert [[one.der for one in read_certificates(octets)] for octets in found] == [[GATEWAY.der, CA.der]] * 2
    body = b"".join(key.splitlines()[1:-1])[100:160]
    assert len(body) == 60
    for octets in found:
        assert b"PRIVATE" not in octets
        assert CANARY not in octets
        assert body not in octets.replace(b"\n", b"")


def test_what_is_broken_leaves_as_it_is_and_is_told(place):
    cut = CA.pem[: len(CA.pem) // 2]
    assert public_part(cut, Kind.CERTIFICATES) == cut
    assert public_part(cut + SECRETS["pkcs8 in PEM"], Kind.CERTIFICATES) == cut
    lists = lab.list_pem(CA)
    assert public_part(lists + CA.pem, Kind.LISTS) == lists.strip()
    assert public_part(CA.der, Kind.CERTIFICATES) == CA.der
    assert public_part(CA.der + b"\n", Kind.CERTIFICATES) == b""
    assert public_part(b"\x05\x00" * 1_000_000, Kind.LISTS) == b""
    assert public_part(b"\x30\x80" + CA.der, Kind.LISTS) == b""
    assert public_part(b"\x30\x85" + bytes(5), Kind.LISTS) == b""


def test_what_is_no_file_holds_nobody_up(place):
    os.mkfifo(place / "fifo.crt")
    (place / "zero.crt").symlink_to("/dev/zero")
    (place / "shadow.crt").symlink_to("/etc/shadow")
    (place / "tree.crt").mkdir()
    put(place / "huge.crl", b"")
    os.truncate(place / "huge.crl", LARGEST_OF[Kind.LISTS] + 1)

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            wanted = [(place / f"{name}.crt", Kind.CERTIFICATES) for name in ("fifo", "zero", "tree")]
            given = [(await read(asker, *each)).value for each in (*wanted, (place / "huge.crl", Kind.LISTS))]
            return given, (await read(asker, place / "shadow.crt")).value

    given, shadow = play(story)
    assert [type(each) for each in given] == [Unreadable] * 4
    assert ["not a regular file" in each.why for each in given] == [True, True, True, False]
    assert "is larger than" in given[3].why
    assert isinstance(shadow, Unreadable) or shadow.octets == b""


def test_one_who_asks_for_what_is_not_named_comes_to_an_end(place):
    async def story():
        async with daemon(of(place)) as (asker, lost, _):
            for number in range(MOST_DENIED):
                with pytest.raises(Refused):
                    await read(asker, place / f"secret{number}")
            last = asyncio.ensure_future(read(asker, place / "ca.key"))
            why = await lost
            last.cancel()
            return why

    assert "again and again" in play(story)


@pytest.mark.parametrize("verb", [PUBLIC_FILE, PUBLIC_FILES], ids=lambda verb: verb.name)
def test_one_who_floods_comes_to_an_end(place, verb):
    class Slow(LocalFiles):
        def read(self, path, kind, known=None):
            busy.append(path)
            gate.wait(60)
            return super().read(path, kind, known)

    gate, busy = threading.Event(), []
    body = encode(
        verb.request,
        Wanted(place / "ca.crt", Kind.CERTIFICATES, None)
        if verb is PUBLIC_FILE
        else Contents(place, Kind.CERTIFICATES, b""),
    )

    async def story():
        async with daemon(of(place), files=Slow()) as (asker, lost, handouts):
            handouts._thread.submit(gate.wait, 30)
            for ticket in range(verb.most_asked + 1):
                send(asker._end, Frame(Of.REQUEST, verb.number, ticket, body))
            why = await lost
            gate.set()
            return why

    assert "more questions at a time" in play(story)
    assert len(busy) <= 1


def test_files_count_as_long_as_a_configuration_names_them(place):
    configurations = [of(place)]

    async def story():
        handouts = Handouts(lambda: configurations)
        async with line(rows(handouts)) as (asker, _):
            await read(asker, place / "named/ca.pem")
            await asker.ask(PUBLIC_FILES, Contents(place, Kind.LISTS, b""))
            configurations.append(of(place, REMOTE.replace("named/ca.pem", "named/other.pem")))
            for name in ("named/ca.pem", "named/other.pem"):
                await read(asker, place / name)
            configurations[:] = [of(place / "named")]
            with pytest.raises(Refused):
                await read(asker, place / "named/ca.pem", Kind.LISTS)
            with pytest.raises(Refused):
                await asker.ask(PUBLIC_FILES, Contents(place, Kind.LISTS, b""))
        handouts.close()
        return True

    assert play(story)


def test_only_directories_of_certificates_are_listed(place):
    async def story():
        async with daemon(of(place)) as (asker, _, _):
            for directory in (place / "named", place.parent, place / "named/..", Path("/"), Path("/root")):
                with pytest.raises(Refused):
                    await asker.ask(PUBLIC_FILES, Contents(directory, Kind.CERTIFICATES, b""))
            found = await asker.ask(PUBLIC_FILES, Contents(place, Kind.CERTIFICATES, b"\xff" * 300))
            return found.value.files, (await asker.ask(PUBLIC_FILES, Contents(place, Kind.CERTIFICATES, b""))).value

    behind, all_of = play(story)
    assert behind == ()
    assert [name for name, _ in all_of.files] == [b"ca.crt", b"gw.crt"]


def test_a_large_file_is_in_memory_once_and_nobody_changes_it(place):
    put(place / "large.crt", CA.pem * (INLINE // len(CA.pem) + 1))

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            answers = [await read(asker, place / "large.crt") for _ in range(20)]
            stamp = answers[0].value.stamp
            unchanged = (await read(asker, place / "large.crt", known=stamp)).value
            (descriptor,) = answers[0].descriptors
            for spoil in (lambda: os.pwrite(descriptor, b"x", 0), lambda: os.ftruncate(descriptor, 0)):
                with pytest.raises(PermissionError):
                    spoil()
            same = {os.fstat(each.descriptors[0]).st_ino for each in answers}
            put(place / "large.crt", GATEWAY.pem * (INLINE // len(GATEWAY.pem) + 2))
            other = await read(asker, place / "large.crt", known=stamp)
            changed = os.fstat(other.descriptors[0]).st_ino in same
            for each in (*answers, other):
                each.close()
            return {type(each.value) for each in answers}, unchanged, len(same), changed

    assert play(story) == ({Sealed}, None, 1, False)


def test_no_more_large_files_are_kept_than_may_be(place):
    many = CA.pem * (INLINE // len(CA.pem) + 1)
    for number in range(MOST_KEPT + 5):
        put(place / f"{number:03}.crt", many)

    async def story():
        async with daemon(of(place)) as (asker, _, handouts):
            for _ in range(2):
                for number in range(MOST_KEPT + 5):
                    (await read(asker, place / f"{number:03}.crt")).close()
            return len(handouts._kept)

    assert play(story) == MOST_KEPT


def test_a_question_that_is_withdrawn_leaves_no_descriptor(place):
    put(place / "large.crt", CA.pem * (INLINE // len(CA.pem) + 1))

    class Slow(LocalFiles):
        def read(self, path, kind, known=None):
            begun.set()
            gate.wait(60)
            return super().read(path, kind, known)

    def count():
        return len(list(Path("/proc/self/fd").iterdir()))

    gate, begun = threading.Event(), threading.Event()

    async def story():
        before = count()
        async with daemon(of(place), files=Slow()) as (asker, _, handouts):
            question = asyncio.ensure_future(read(asker, place / "large.crt"))
            await asyncio.to_thread(begun.wait, 30)
            question.cancel()
            await asyncio.gather(question, return_exceptions=True)
            gate.set()
            (await read(asker, place / "large.crt")).close()
            kept = len(handouts._kept)
        return before, count(), kept

    before, after, kept = play(story)
    assert (after - before, kept) == (0, 1)


# -- the daemon's end -------------------------------------------------------------------------------------------------


def test_a_warden_that_does_not_answer_is_waited_for_no_longer(place):
    class Stuck(LocalFiles):
        def read(self, path, kind, known=None):
            gate.wait(60)

    gate = threading.Event()

    async def story():
        async with daemon(of(place), files=Stuck()) as (asker, _, _):
            files = FarFiles(asker, patience=0.05)
            found = await asyncio.to_thread(files.read, place / "ca.crt", Kind.CERTIFICATES)
            gate.set()
            return found

    assert play(story) == Unreadable(f"{place}/ca.crt cannot be read: the warden does not answer")


def test_without_a_warden_every_file_is_unreadable(place):
    async def story():
        async with daemon(of(place)) as (asker, _, _):
            files = FarFiles(asker, fresh=0)
            refused = await asyncio.to_thread(files.read, place / "gw.key", Kind.CERTIFICATES)
            long = await asyncio.to_thread(files.read, Path("/" + "x" * 5000), Kind.CERTIFICATES)
            asker._give_up("the warden is gone")
            gone = await asyncio.to_thread(files.read, place / "ca.crt", Kind.CERTIFICATES)
            listing = await asyncio.to_thread(files.listing, place, Kind.LISTS)
            return files, refused.why, long.why, gone.why, listing

    files, refused, long, gone, listing = play(story)
    assert "the warden refused to read a file" in refused
    assert "takes 4352 octets" in long
    assert gone.endswith("the warden is gone")
    assert listing == Unreadable(f"{place} cannot be listed: the warden is gone")
    assert "the program stops" in files.read(place / "ca.crt", Kind.CERTIFICATES).why


def test_the_event_loop_does_not_wait_for_itself(place):
    async def story():
        async with daemon(of(place)) as (asker, _, _):
            with pytest.raises(RuntimeError, match="wait for its own answer"):
                FarFiles(asker, fresh=0).read(place / "ca.crt", Kind.CERTIFICATES)
            return True

    assert play(story)


def test_a_judge_whose_files_are_far_judges_as_one_whose_are_near(place):
    rules = RemoteTrust("gw", judges=True, certificate_directory=place)

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            files = FarFiles(asker, fresh=0)
            store = await asyncio.to_thread(TrustStore, [rules], lambda: lab.NOW, files)
            before = await asyncio.to_thread(store.judge, prove(GATEWAY))
            put(place / "0a1b2c3d.r0", lab.list_pem(CA, GATEWAY))
            after = await asyncio.to_thread(store.judge, prove(GATEWAY))
            (place / "0a1b2c3d.r0").unlink()
            again = await asyncio.to_thread(store.judge, prove(GATEWAY))
            return store.problems, before, after, again

    problems, before, after, again = play(story)
    assert problems == TrustStore([rules], lambda: lab.NOW).problems == ()
    assert isinstance(before, Trusted)
    assert isinstance(after, Untrusted)
    assert isinstance(again, Trusted)


def test_who_was_revoked_stays_so_when_the_warden_does_not_answer(place, caplog):
    """A warden that is too busy is no reason to believe a certificate that was stolen."""
    rules = RemoteTrust("gw", judges=True, certificate_directory=place, crl=(place / "named/lists",))
    put(place / "0a1b2c3d.r0", lab.list_pem(CA, GATEWAY))

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            store = await asyncio.to_thread(TrustStore, [rules], lambda: lab.NOW, FarFiles(asker, fresh=0))
            asker._give_up("the warden is gone")
            return store.problems, await asyncio.to_thread(store.judge, prove(GATEWAY))

    problems, found = play(story)
    assert problems == ()
    assert "was revoked" in found.reason.text
    assert f"{place} cannot be listed: the warden is gone" in caplog.text


def test_without_an_answer_at_the_start_nothing_starts(place):
    rules = [
        RemoteTrust("gw", judges=True, certificate_directory=place),
        RemoteTrust("client", judges=True, ca=(place / "ca.crt",), certificate_directory=place),
    ]

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            asker._give_up("the warden is gone")
            store = await asyncio.to_thread(TrustStore, rules, lambda: lab.NOW, FarFiles(asker, fresh=0))
            return [(each.remote, each.severity.value, each.text) for each in store.problems]

    told = play(story)
    assert ("gw", "error", f"{place} cannot be listed: the warden is gone") in told
    assert ("client", "error", f"{place}/ca.crt cannot be read: the warden is gone") in told
    assert ("client", "error", f"{place} cannot be listed: the warden is gone") in told


def test_lists_that_did_not_change_are_asked_for_once(place, monkeypatch):
    rules = RemoteTrust("gw", judges=True, certificate_directory=place)
    for number in range(10):
        put(place / f"{number}.crl", lab.list_pem(CA))
    asked = []
    honest = module.Handouts._read
    monkeypatch.setattr(module.Handouts, "_read", lambda *wanted: asked.append(wanted[1].path.name) or honest(*wanted))

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            store = await asyncio.to_thread(TrustStore, [rules], lambda: lab.NOW, FarFiles(asker, fresh=0))
            for _ in range(3):
                await asyncio.to_thread(store.judge, prove(GATEWAY))
            return store

    play(story)
    assert sorted(name for name in asked if name.endswith("crl")) == [f"{number}.crl" for number in range(10)]


def test_an_answer_counts_for_a_second(place, monkeypatch):
    rules = RemoteTrust("gw", judges=True, certificate_directory=place, crl=(place / "named/lists",))
    now, asked = [0.0], []
    honest = FarFiles._ask
    monkeypatch.setattr(FarFiles, "_ask", lambda *question: asked.append(question[1].name) or honest(*question))

    async def story():
        async with daemon(of(place)) as (asker, _, _):
            files = FarFiles(asker, clock=lambda: now[0])
            store = await asyncio.to_thread(TrustStore, [rules], lambda: lab.NOW, files)
            asked.clear()
            verdicts = []
            for seconds in (0.0, 0.5, 0.99, 1.0):
                now[0] = seconds
                verdicts.append(type(await asyncio.to_thread(store.judge, prove(GATEWAY))))
                put(place / "named/lists", lab.list_pem(CA, GATEWAY))
                put(place / "0a1b2c3d.r0", lab.list_pem(CA))
            return verdicts

    assert play(story) == [Trusted, Trusted, Trusted, Untrusted]
    assert asked == [PUBLIC_FILES.name, PUBLIC_FILE.name, PUBLIC_FILE.name]


def test_no_more_answers_are_remembered_than_may_be():
    recent = Recent(1.0, lambda: 5.0)
    for number in range(3 * MOST_RECENT):
        recent.put(Path(f"/{number}"), Kind.LISTS, "stamp")
    assert len(recent._answers) <= MOST_RECENT
    assert recent.get(Path(f"/{3 * MOST_RECENT - 1}"), Kind.LISTS) == "stamp"
    recent.put(Path(f"/{3 * MOST_RECENT - 1}"), Kind.LISTS, None)
    assert recent.get(Path(f"/{3 * MOST_RECENT - 1}"), Kind.LISTS) is None


def test_a_daemon_without_rights_makes_its_half_of_far_files(place):
    old = lab.authority(start=lab.NOW - 30 * 365 * lab.timedelta(days=1))
    put(place / "named/ca.pem", old.pem)
    put(place / "named/lists", lab.list_pem(old, start=lab.NOW - 29 * 365 * lab.timedelta(days=1)))
    own = lab.issue(old, dns=("vpn.example.net",), start=lab.NOW - 20 * 365 * lab.timedelta(days=1))
    put(place / "gw.crt", own.pem)
    put(place / "gw.key", lab.key_pem(own.private))
    text = REMOTE.format(directory=place).replace('"named/', f'"{place}/named/')
    (place / "racoon.conf").write_text(text)
    held = loading.load(place / "racoon.conf")

    async def story():
        async with daemon(held.settings) as (asker, _, _):
            return await asyncio.to_thread(active_config.equip, held.provision, FarFiles(asker, fresh=0))

    far, whole = play(story), active_config.load(place / "racoon.conf")
    assert far.policy == whole.policy
    assert far.warnings == whole.warnings
    assert far.policy.remotes[0].authority_names == (old.subject,)
