"""What the judge of certificates relies on in whoever opens its files, also where that is another process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from keys import certificate_lab as lab
from lotor.crypto.certificates import read_certificates
from lotor.crypto.x509.revocation import read_revocation_lists
from lotor.files.public import LARGEST_OF, LOCAL_FILES, MOST_FILES, Content, Kind, Unreadable
from lotor.privsep.far_files import FarFiles
from lotor.warden.files import Handouts, rows
from paired import line, settings

CA = lab.authority()
OTHER = lab.authority("Other CA", "other")


def opened():
    """The descriptors of this process; the one that looks is gone again."""
    return {name for name in Path("/proc/self/fd").iterdir() if name.exists()}


def local(story, directory):
    del directory
    return story(LOCAL_FILES)


def far(story, directory):
    """Whatever of a kind is in the directory of `path certificate` may be read."""

    async def run():
        handouts = Handouts(lambda: [settings(f'path certificate "{directory}";')])
        try:
            async with asyncio.timeout(60), line(rows(handouts)) as (asker, lost):
                found = await asyncio.to_thread(story, FarFiles(asker, fresh=0))
                assert not lost.done()
                return found
        finally:
            handouts.close()

    before = opened()
    found = asyncio.run(run())
    assert opened() <= before
    return found


ENGINES = {"local": local, "far": far}


@pytest.fixture(params=ENGINES)
def played(request, tmp_path):
    """`played(story)`: the story in a thread, with an engine that may read what the tests put in their directory."""
    return lambda story: ENGINES[request.param](story, tmp_path)


@pytest.fixture
def put(tmp_path):
    def write(name, octets):
        (tmp_path / name).write_bytes(octets)
        (tmp_path / name).chmod(0o644)
        return tmp_path / name

    return write


def test_certificates_are_read_with_what_is_around_them(played, put):
    path = put("ca.crt", b"Certificate:\n  Data: -- \n" + CA.pem + b"\n# and\n" + OTHER.pem)
    found = played(lambda files: files.read(path, Kind.CERTIFICATES))
    assert [one.der for one in read_certificates(found.octets)] == [CA.der, OTHER.der]
    path = put("der.crt", CA.der)
    assert played(lambda files: files.read(path, Kind.CERTIFICATES)).octets == CA.der


@pytest.mark.parametrize("holders", [1, 2000])
def test_lists_are_read_whole_however_long_they_are(played, put, holders):
    revoked = [lab.issue(CA, f"holder {number}") for number in range(2)] * (holders // 2) or [CA]
    many = lab.list_pem(CA, *revoked)
    path = put("ca.crl", b"text\n" + many)
    found = played(lambda files: files.read(path, Kind.LISTS))
    (one,) = read_revocation_lists(found.octets)
    assert len(one.handle) == len(revoked)


def test_what_did_not_change_is_not_read_again(played, put):
    path = put("ca.crt", CA.pem)

    def story(files):
        first = files.read(path, Kind.CERTIFICATES)
        again = files.read(path, Kind.CERTIFICATES, first.stamp)
        put("ca.crt", OTHER.pem + b"\n")
        changed = files.read(path, Kind.CERTIFICATES, first.stamp)
        return again, changed.octets, changed.stamp != first.stamp

    again, octets, other = played(story)
    assert (again, other) == (None, True)
    assert [one.der for one in read_certificates(octets)] == [OTHER.der]


def test_a_file_that_cannot_be_used_is_told_in_a_sentence(played, put, tmp_path):
    fifo = tmp_path / "fifo.crt"
    os.mkfifo(fifo)
    huge = put("huge.crt", b"")
    os.truncate(huge, LARGEST_OF[Kind.CERTIFICATES] + 1)
    unsafe = put("unsafe.crt", CA.pem)
    unsafe.chmod(0o666)
    (tmp_path / "loop.crt").symlink_to("loop.crt")
    expected = {
        tmp_path / "missing.crt": ("does not exist", False),
        tmp_path / "loop.crt": ("cannot be read: Too many levels of symbolic links", False),
        fifo: ("is not a regular file", True),
        huge: ("is larger than 1048576 octets", True),
        unsafe: ("is not trusted: it has mode 0666", True),
    }
    found = played(lambda files: {path: files.read(path, Kind.CERTIFICATES) for path in expected})
    assert len(found) == 5
    for path, (words, stamped) in expected.items():
        assert isinstance(found[path], Unreadable)
        assert f"{path} {words}" in found[path].why
        assert (found[path].stamp is not None) is stamped
    assert isinstance(played(lambda files: files.read(put("any.crl", b"x"), Kind.LISTS)), Content)


def test_what_cannot_be_used_has_a_stamp_to_tell_it_once(played, tmp_path):
    fifo = tmp_path / "fifo.crl"
    os.mkfifo(fifo)

    def story(files):
        first = files.read(fifo, Kind.LISTS)
        return first, files.read(fifo, Kind.LISTS, first.stamp)

    first, again = played(story)
    assert isinstance(first, Unreadable)
    assert again is None


def test_a_directory_lists_what_fits_its_kind(played, put, tmp_path):
    for name in ("b.crt", "a.pem", "c.cer", "0a1b2c3d.0", "x.crl", "0a1b2c3d.r0", "0a1b2c3d.r10", "gw.key", "psk.txt"):
        put(name, b"")
    (tmp_path / "gone.crt").symlink_to("nothing")
    found = played(lambda files: [files.listing(tmp_path, kind) for kind in Kind])
    assert [[each.path.name for each in one] for one in found] == [
        ["0a1b2c3d.0", "a.pem", "b.crt", "c.cer", "gone.crt"],
        ["0a1b2c3d.r0", "0a1b2c3d.r10", "x.crl"],
    ]
    assert [each.path.name for one in found for each in one if each.stamp is None] == ["gone.crt"]


def test_the_stamp_of_a_list_is_that_of_its_file(played, put, tmp_path):
    path = put("ca.crl", lab.list_pem(CA))

    def story(files):
        (each,) = files.listing(tmp_path, Kind.LISTS)
        return each.path, files.read(path, Kind.LISTS, each.stamp)

    assert played(story) == (path, None)


def test_a_directory_that_is_not_there_has_nothing(played, tmp_path):
    tmp_path.rmdir()
    assert played(lambda files: files.listing(tmp_path, Kind.LISTS)) == ()
    tmp_path.write_bytes(b"no directory")
    assert played(lambda files: files.listing(tmp_path, Kind.CERTIFICATES)) == ()
    tmp_path.unlink()
    tmp_path.mkdir()


def test_a_large_directory_is_listed_to_its_bound(played, tmp_path):
    wanted = [f"{number:05}.crl" for number in range(MOST_FILES + 10)]
    for name in reversed(wanted):
        (tmp_path / name).touch()
    found = played(lambda files: files.listing(tmp_path, Kind.LISTS))
    assert [each.path.name for each in found] == wanted[:MOST_FILES]
