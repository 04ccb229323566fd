"""Whether the kernel can carry ESP: what is told where `engine` asks for it, and what mends it."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lotor.doctor import esp, mtu, tun
from lotor.doctor.esp import Block, Esp
from lotor.doctor.subject import Wish, subject
from lotor.model.engines import EngineWish, Wanted

ALL = frozenset(esp.OF_INTEREST)
NOBODY = frozenset()
BLOCK = Block("esp4", Path("/etc/modprobe.d/hard.conf"), 3, "install esp4 /bin/false")


def told(wish, *facts, offload="", hindered=""):
    found = esp.judge(Esp(Wanted(wish, offload), *facts, hindered))
    return [(each.grade.value, each.text, each.mends) for each in found]


@pytest.mark.parametrize("wish", [EngineWish.AUTO, EngineWish.USERSPACE])
def test_who_does_not_ask_for_the_kernel_hears_nothing_of_it(wish):
    assert told(wish, NOBODY, NOBODY, (BLOCK,)) == []


@pytest.mark.parametrize(("loaded", "available"), [(NOBODY, ALL), (ALL, NOBODY), (ALL, None)])
def test_a_kernel_that_has_it(loaded, available):
    assert told(EngineWish.KERNEL, loaded, available, ()) == [("ok", "the kernel has ESP (esp4)", ())]
    if loaded:
        assert told(EngineWish.KERNEL, loaded, available, (BLOCK,))[0][0] == "ok", "what is loaded is there"


@pytest.mark.parametrize(
    ("wish", "grade", "then"),
    [(EngineWish.KERNEL, "wrong", "does not start"), (EngineWish.PREFER_KERNEL, "warn", "in user space instead")],
)
def test_a_module_that_is_kept_out_is_told_with_its_line_and_what_lets_it_in(wish, grade, then):
    ((found, text, mends),) = told(wish, NOBODY, ALL, (BLOCK,))
    place = "/etc/modprobe.d/hard.conf:3 keeps esp4 from being loaded (install esp4 /bin/false): "
    assert (found, text.startswith(place)) == (grade, True)
    assert then in text
    assert mends[:2] == ("sed -i '3s/^/# /' /etc/modprobe.d/hard.conf", "modprobe esp4")
    assert mends[2].startswith("engine userspace;")


@pytest.mark.parametrize(("wish", "grade"), [(EngineWish.KERNEL, "wrong"), (EngineWish.PREFER_KERNEL, "warn")])
def test_a_kernel_without_it(wish, grade):
    found = told(wish, NOBODY, ALL - {"esp4"}, ())
    assert [(each, "no module esp4" in text) for each, text, _ in found] == [(grade, True)]


def test_a_container_without_the_kernels_modules_is_not_judged():
    ((grade, text, _),) = told(EngineWish.KERNEL, frozenset({"esp4"}), None, ())
    assert (grade, "shows when lotor starts" in text) == ("?", True)


def test_a_device_that_seals_esp_and_one_that_does_not():
    def last(*facts, **more):
        grade, text, _ = told(EngineWish.AUTO, *facts, (), offload="eth1", **more)[-1]
        return grade, text

    assert last(NOBODY, ALL)[0] == "ok"
    assert "eth1 does cryptography of ESP" in last(ALL, None)[1]
    why = "there is no network device eth1"
    grade, text = last(NOBODY, ALL, hindered=why)
    assert (grade, text) == ("warn", f"esp_offload eth1: {why}; the kernel does the cryptography itself")
    grade, text = last(NOBODY, ALL - {"esp4_offload"})
    assert (grade, "no module esp4_offload" in text) == ("warn", True)


def test_without_xfrm_interfaces_policies_lead():
    kept = Block("xfrm_interface", BLOCK.file, 9, "blacklist xfrm_interface")
    for available, blocks in ((ALL - {"xfrm_interface"}, ()), (ALL, (kept,))):
        (first, (grade, text, _)) = told(EngineWish.KERNEL, NOBODY, available, blocks)
        assert (first[0], grade) == ("ok", "warn")
        assert "policies lead packets" in text


def test_what_modprobe_is_told_not_to_load(tmp_path):
    etc, lib = tmp_path / "etc", tmp_path / "lib"
    for each in (etc, lib):
        each.mkdir()
    (etc / "one.conf").write_text("# install esp4 /bin/false\n\nblacklist  xfrm-interface # no\ninstall esp4 /sbin/x\n")
    (etc / "two.conf").write_text("install esp4 /bin/false\ninstall esp6 /bin/false\nalias esp4 off\n")
    (lib / "one.conf").write_text("blacklist esp4\n")
    (lib / "three.conf.off").write_text("blacklist esp4\n")
    found = list(esp.blocked_by([etc, tmp_path / "none", lib]))
    assert [(each.module, each.file.name, each.line) for each in found] == [
        ("xfrm_interface", "one.conf", 3),
        ("esp4", "two.conf", 1),
    ]
    command, _ = esp._unblocked(found[1])
    subprocess.run(command, shell=True, check=True)
    assert [each.module for each in esp.blocked_by([etc, lib])] == ["xfrm_interface"]


REMOTE = """
remote anonymous {{
    exchange_mode main; esp_frag {};
    proposal {{
        encryption_algorithm aes; hash_algorithm sha256; dh_group 14; authentication_method pre_shared_key;
    }}
}}
"""


@pytest.mark.parametrize(
    ("engine", "sizes", "wanted"),
    [("kernel", (552, 462), False), ("prefer_kernel", (552, 462), True), ("auto", (1400, 1406), True)],
)
def test_the_kernels_device_is_no_tun_device_and_has_one_size(tmp_path, engine, sizes, wanted):
    configuration = tmp_path / "racoon.conf"
    other = REMOTE.format(552).replace("anonymous", "192.0.2.9")
    configuration.write_text(f"engine {engine};" + REMOTE.format(1400) + other + "listen { isakmp 192.0.2.50; }")
    seen = subject(configuration, None, Wish(), datetime.now(UTC))
    outer = asyncio.run(mtu.look(seen))
    assert (outer.limit, outer.inner) == sizes
    assert bool(list(tun.judge(tun.look(seen)))) is wanted


def test_what_this_kernel_has_is_looked_at(tmp_path):
    assert esp.loaded_in("esp4 28672 4 - Live 0x0\nesp4_other 16384 0 - Live 0x0\n") == {"esp4"}
    configuration = tmp_path / "racoon.conf"
    configuration.write_text("engine prefer_kernel;")
    found = esp.look(subject(configuration, None, Wish(), datetime.now(UTC)))
    assert found.wanted == Wanted(EngineWish.PREFER_KERNEL)
    assert list(esp.judge(found))
    assert esp.look(subject(tmp_path / "none", None, Wish(), datetime.now(UTC))).wanted == Wanted()
