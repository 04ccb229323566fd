"""What the demo types is what the HOW-TO says: its RADIUS section, its /etc/radius.conf, its PAM."""

from __future__ import annotations

import re

from demo import radius
from demo.story import howto
from lab.lotor import EXAMPLES

SECTION = """\
mode_cfg {
	pool_size 253;			# IPv4 pool size
	auth_source radius;		# login validated against RADIUS
	conf_source radius;		# IPv4 address obtained by RADIUS
	accounting radius;		# RADIUS accounting
        dns4 10.0.12.1;			# IPv4 DNS server
        wins4 10.0.12.1;		# IPv4 WINS server
        banner "/etc/racoon/motd";	# Banner message for clients
	pfs_group 2;
}
"""
FILE = """\
auth radius.example.net MyDirtySecret
acct radius.example.net MyDirtySecret
"""


def sections(text):
    """The file without its `mode_cfg`, and that."""
    section = re.search(r"(?ms)^mode_cfg \{.*?^\}\n", text).group(0)
    return text.replace(section, ""), section


def test_the_radius_section_is_typed_as_it_stands_in_the_howto():
    around, section = sections(howto("gateway-radius"))
    assert section == SECTION
    assert around == sections(howto("gateway"))[0]
    assert (
        around.replace("/etc/lotor/certs", "/etc/openssl/certs")
        == sections((EXAMPLES / "gateway" / "racoon.conf").read_text())[0]
    )


def test_the_servers_are_named_as_the_howto_names_them():
    assert radius.RADIUS_CONF == FILE
    words = [line.split() for line in FILE.splitlines()]
    assert re.findall(r'(\w+) "(\S+)" "(\S+)";', radius.RADIUSCFG) == [tuple(each) for each in words]


def test_pam_is_one_word_of_the_howtos_gateway():
    changed = howto("gateway", auth_source="pam").splitlines()
    former = howto("gateway").splitlines()
    (difference,) = [pair for pair in zip(former, changed, strict=True) if pair[0] != pair[1]]
    assert difference[1] == difference[0].replace("auth_source system;", "auth_source pam;")
    assert radius.PAM_FILE == "/etc/pam.d/racoon"
