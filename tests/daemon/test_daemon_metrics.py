"""The figures of a whole gateway."""

from __future__ import annotations

from lotor.control.messages import Failed, Measured, Metrics, decode_response, encode
from lotor.control.service import Credential
from lotor.metrics.families import FAMILIES
from lotor.model.child import Counters
from visiting import ROOT, Typing, play


class Stranger(Typing):
    credential = Credential(1, 4711, 4711)


def figures(answer):
    told = decode_response(encode(answer)).figures["families"]
    return {(name, *one["labels"]): one["value"] for name, each in told.items() for one in each}


def test_a_session_is_in_every_figure_that_tells_of_one(directory):
    async def story(world):
        before = await world.gateway_admin.metrics(ROOT)
        await world.vc()
        return before, await world.gateway_admin.metrics(ROOT)

    before, after = map(figures, play(directory, story))
    assert before["lotor_sessions", "gateway", "up"] == before["lotor_leases",] == 0
    assert after["lotor_sessions", "gateway", "up"] == after["lotor_leases",] == after["lotor_sa_pairs_total",] == 1
    assert after["lotor_logins_total", "accepted"] == after["lotor_first_messages_total", "at_once"] == 1
    assert after["lotor_pool_addresses",] == 253
    assert after["lotor_half_open",] == after["lotor_internal_errors_total",] == 0
    assert after["lotor_certificate_expiry_time_seconds", "anonymous"] > after["lotor_start_time_seconds",]


def test_whatever_is_told_has_a_family_and_its_labels(directory):
    async def story(world):
        await world.vc()
        return await world.gateway_admin.metrics(ROOT)

    families = play(directory, story).figures["families"]
    assert families.keys() <= FAMILIES.keys()
    assert {"lotor_octets_total", "lotor_handshake_seconds", "lotor_waiting"} <= families.keys()
    wrong = [
        name for name, each in families.items() for one in each if len(one["labels"]) != len(FAMILIES[name].labels)
    ]
    assert wrong == []


def test_what_is_counted_never_falls_when_a_session_ends(directory):
    carried = Counters(octets_in=1000, octets_out=500, packets_in=10, packets_out=5, replayed=3)

    async def story(world):
        await world.vc()
        world.gateway_plane.figures.update(dict.fromkeys(world.gateway_plane.installed, carried))
        before = await world.gateway_admin.metrics(ROOT)
        await world.vd()
        await world.settle()
        return before, await world.gateway_admin.metrics(ROOT)

    before, after = map(figures, play(directory, story))
    for name in (
        ("lotor_octets_total", "in"),
        ("lotor_packets_total", "out"),
        ("lotor_packets_dropped_total", "replayed"),
    ):
        assert after[name] >= before[name] > 0, name
    assert after["lotor_sessions", "gateway", "up"] == 0


def test_an_engine_that_does_not_answer_hides_its_figures_only(directory, monkeypatch):
    async def story(world):
        await world.vc()

        async def counters(_):
            raise TimeoutError

        monkeypatch.setattr(world.gateway_plane, "counters", counters)
        return await world.gateway_admin.metrics(ROOT)

    found = figures(play(directory, story))
    assert found["lotor_sessions", "gateway", "up"] == 1
    assert ("lotor_octets_total", "in") not in found


def test_figures_are_for_the_administrator(directory):
    async def story(world):
        return await world.gateway_admin.metrics(Stranger()), await world.gateway_admin.metrics(ROOT)

    refused, told = play(directory, story)
    assert isinstance(refused, Failed)
    assert isinstance(told, Measured)
    assert isinstance(decode_response(encode(told)), Measured)
    assert Metrics() == Metrics()
