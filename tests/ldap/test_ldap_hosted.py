"""LDAP as a gateway has it: the configuration's words, the process of back ends, groups and the beat around it."""

from ipaddress import IPv4Address

from directory import ANNA, BASE, SERVICE, attempt, directory, entry, honest, result
from looped import looped
from lotor.auth.housed import Housed
from lotor.backends.present import PresentBackEnds
from lotor.config import loads
from lotor.config.back_ends import back_ends_of
from lotor.config.directories import filled
from lotor.config.files import NamedFiles
from lotor.ldap import messages
from lotor.model.login import Accepted, Refused
from lotor.model.reasons.logins import NotInGroup, UnknownUser, WrongPassword
from lotor.warden.engines import logins_of

CONFIGURATION = """
remote anonymous {{
    exchange_mode aggressive; certificate_type x509 "gw.crt" "gw.key";
    proposal {{ encryption_algorithm aes; hash_algorithm sha256; dh_group 14; authentication_method hybrid_rsa_server;
    }}
}}
mode_cfg {{ network4 10.99.99.1; auth_throttle 0; {sources} }}
ldapcfg {{ uri "ldap://127.0.0.1:{port}"; base "{base}"; subtree on; attr_user "uid";
    bind_dn "{service}"; bind_pw "service password"; }}
"""


def with_group(*groups):
    """Anna has an address, and is in these groups."""
    usual = honest(anna=b"secret")

    def answer(asked):
        if asked.op != messages.SEARCH:
            return usual(asked)
        if asked.attribute == "member":
            return [*(entry(asked, f"cn={each}", cn=[each.encode()]) for each in groups), result(asked)]
        if asked.value != b"anna":
            return [result(asked)]
        return [entry(asked, ANNA, uid=[b"anna"], racoon_address=[b"10.99.99.7"]), result(asked)]

    return answer


async def verdicts(answer, sources, *asked):
    async with directory(answer) as there:
        text = CONFIGURATION.format(sources=sources, port=there.port, base=BASE, service=SERVICE)
        settings, problems = filled(loads(text).settings, NamedFiles())
        assert not problems
        assert not settings.reservations
        back_ends = PresentBackEnds()
        back_ends.replace(back_ends_of(settings))
        logins = logins_of(settings.mode_cfg, back_ends, Housed())
        found = [await logins.judge(attempt(*each)) for each in asked]
        await back_ends.close()
        return found


@looped
async def test_the_words_of_the_configuration_come_to_a_login():
    sources = 'auth_source ldap; conf_source ldap; group_source ldap; auth_groups "vpn";'
    right, wrong, unknown = await verdicts(with_group("vpn"), sources, ("anna",), ("anna", "nope"), ("zoe",))
    assert isinstance(right, Accepted)
    assert (right.grants.address, right.grants.groups) == (IPv4Address("10.99.99.7"), {"vpn"})
    assert (wrong, unknown) == (Refused(WrongPassword("anna")), Refused(UnknownUser("zoe")))


@looped
async def test_who_is_in_no_group_of_auth_groups_stays_outside():
    sources = 'auth_source ldap; group_source ldap; auth_groups "vpn", "staff";'
    assert await verdicts(with_group("cellar"), sources, ("anna",)) == [Refused(NotInGroup("anna", "staff, vpn"))]


@looped
async def test_without_its_words_no_address_and_no_group_comes():
    (found,) = await verdicts(with_group("vpn"), "auth_source ldap;", ("anna",))
    assert found == Accepted("anna")
