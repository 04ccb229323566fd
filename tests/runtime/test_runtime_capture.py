"""The capture's files: new, private, bounded; what a disk does to it costs nothing else."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from ipaddress import IPv6Address

import pytest

import recordings_v2
from lotor.ike.effects import Disclose, DiscloseSk
from lotor.model.algorithms import Cipher
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.runtime import capture as room
from lotor.runtime.capture import Capture
from scripted import FLOATED, PATH

COOKIE, KEY = bytes.fromhex("0102030405060708"), bytes(range(16))


@pytest.fixture
def capture(tmp_path):
    made = Capture(tmp_path / "ike.pcapng", lambda: 1767225600.25)
    yield made
    made.close()


def read(capture, *fields):
    """What tshark shows of each packet."""
    words = [word for field in fields for word in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-r", str(capture.path), "-T", "fields", *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_its_files_are_new_and_for_their_owner_only(capture, tmp_path):
    old = os.umask(0)
    try:
        other = Capture(tmp_path / "other.pcapng")
    finally:
        os.umask(old)
    other.close()
    for path in (capture.path, capture.keys, capture.keys2, other.path, other.keys, other.keys2):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capture.keys.name == "ike.pcapng.ikev1_decryption_table"
    assert capture.keys2.name == "ike.pcapng.ikev2_decryption_table"


@pytest.mark.parametrize("taken", ["ike.pcapng", *(f"ike.pcapng.ikev{number}_decryption_table" for number in (1, 2))])
def test_nothing_is_overwritten_and_no_half_is_left(tmp_path, taken):
    (tmp_path / taken).write_text("precious")
    with pytest.raises(OSError, match="exists: a capture never overwrites"):
        Capture(tmp_path / "ike.pcapng")
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "precious"


def test_a_process_that_may_make_no_files_is_given_them(tmp_path):
    path = tmp_path / "ike.pcapng"
    given = room.make(path)
    path.chmod(0)
    capture = Capture(path, lambda: 1767225600.25, given)
    capture.received(b"datagram", PATH)
    capture.close()
    assert [columns[0] for columns in read(capture, "udp.length")] == ["16"]
    assert capture.keys.exists()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "ike.pcapng").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="exists"):
        Capture(tmp_path / "ike.pcapng")
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(OSError, match=r"cannot write the capture .*No such file"):
        Capture(tmp_path / "no" / "ike.pcapng")


def test_wireshark_reads_both_directions_ports_and_the_marker(capture):
    capture.sent(bytes(28), PATH)
    capture.received(bytes(range(28)), FLOATED)
    capture.sent(b"\xff", FLOATED)
    fields = ("frame.time_epoch", "ip.src", "udp.srcport", "ip.dst", "udp.dstport", "udp.length", "frame.p2p_dir")
    assert [line[:6] for line in read(capture, *fields)] == [
        ["1767225600.250000000", "198.51.100.7", "500", "192.0.2.50", "500", "36"],
        ["1767225600.250000000", "192.0.2.50", "4500", "198.51.100.7", "4500", "40"],
        ["1767225600.250000000", "198.51.100.7", "4500", "192.0.2.50", "4500", "9"],
    ]
    assert {line[0] for line in read(capture, "ip.checksum.status")} <= {"1", "2"}


def test_keys_are_lines_of_wiresharks_table(capture):
    capture.disclose(Disclose(COOKIE, Secret(KEY)))
    capture.disclose(Disclose(bytes(8), Secret(KEY)))
    assert capture.keys.read_text().splitlines()[0] == "0102030405060708,000102030405060708090a0b0c0d0e0f"
    assert KEY not in capture.path.read_bytes()


def disclosed(name):
    """The keys of a recorded IKE SA, and the line that its peers' recorder wrote for Wireshark."""
    (sa, *_) = recordings_v2.load(name)["ike_sas"]
    names = ("SK_ei", "SK_er", "SK_ai", "SK_ar")
    keys = tuple(Secret(bytes.fromhex(sa[each] or "")) for each in names)
    return DiscloseSk(recordings_v2.octets(sa, "spi_i", "spi_r"), recordings_v2.ike_suite(sa["transforms"]), keys)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("eap-mschapv2", ("AES-CBC-256 [RFC3602]", "HMAC_SHA2_256_128 [RFC4868]")),
        ("suite-aes256gcm16-prfsha384-ecp384", ("AES-GCM-256 with 16 octet ICV [RFC5282]", "NONE [RFC4306]")),
    ],
)
def test_keys_of_ikev2_are_lines_of_the_other_table(capture, name, words):
    (sa, *_) = recordings_v2.load(name)["ike_sas"]
    capture.disclose(disclosed(name))
    cipher, integrity = words
    keys = f"{sa['SK_ei']},{sa['SK_er']}", f"{sa['SK_ai'] or ''},{sa['SK_ar'] or ''}"
    line = f'{sa["spi_i"]},{sa["spi_r"]},{keys[0]},"{cipher}",{keys[1]},"{integrity}"'
    assert capture.keys2.read_text() == line + "\n"
    assert capture.keys.read_text() == ""


def test_what_wireshark_has_no_name_for_is_no_line(capture):
    known = disclosed("eap-mschapv2")
    capture.disclose(replace(known, suite=replace(known.suite, cipher=Cipher.CHACHA20_POLY1305)))
    assert capture.keys2.read_text() == ""


def test_a_secret_of_the_core_does_not_print():
    assert KEY.hex() not in repr(Disclose(COOKIE, Secret(KEY)))
    known = disclosed("eap-mschapv2")
    assert not [each for each in known.keys if each.reveal().hex() in repr(known)]


def test_a_capture_ends_when_it_is_large_enough(capture, monkeypatch, caplog):
    capture._left = 1000
    for _ in range(100):
        capture.sent(bytes(100), PATH)
    assert capture.path.stat().st_size < 2000
    assert len(caplog.records) == 1
    assert room.MOST_OCTETS > 1000


def test_a_full_disk_ends_the_capture_once_and_nothing_else(capture, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        capture.sent(bytes(100), PATH)
        capture.sent(bytes(100), PATH)
    capture.disclose(Disclose(COOKIE, Secret(KEY)))
    assert [each.getMessage() for each in caplog.records] == [
        f"the capture ends: {capture.path}: No space left on device"
    ]
    assert capture.keys.read_text() == ""


@pytest.mark.parametrize("message", [bytes(28), bytes(29)])
def test_ipv6_reads_as_such_with_a_good_checksum(capture, message):
    path = Path(Peer(IPv6Address("2001:db8::50"), 4500), Peer(IPv6Address("2001:db8::2"), 40000), floated=True)
    capture.received(message, path)
    capture.sent(message, path)
    words = ["-o", "udp.check_checksum:TRUE", "-T", "fields", "-e", "ipv6.src", "-e", "udp.dstport"]
    done = subprocess.run(
        ["tshark", "-r", str(capture.path), *words, "-e", "udp.checksum.status"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["2001:db8::2", "4500", "1", "2001:db8::50", "40000", "1"]
