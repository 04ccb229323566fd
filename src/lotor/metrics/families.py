"""Every figure under its name: stable, since dashboards and alerts rely on it. docs/metrics.md has these rows."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import product

from lotor.model.frozen import frozen


class Kind(Enum):
    """As Prometheus tells them apart: a counter only grows until the program starts anew."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@frozen
class Family:
    """One figure. `labels` with the values that are shown from the beginning, as 0; a label without values shows what
    has occurred."""

    name: str
    kind: Kind
    text: str
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def known(self) -> Iterator[tuple[str, ...]]:
        """The values of the labels that are shown from the beginning."""
        return product(*(values for _, values in self.labels))


DIRECTIONS = ("in", "out")
STATES = ("connecting", "phase1", "logged_in", "up")
GATEWAY_STATES = ("alive", "not_seen")
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper ends in seconds: from a handshake without a password to a person who looks for a second factor."""

_ROWS = (
    Family("lotor_up", Kind.GAUGE, "1 when the daemon answers, 0 when it does not"),
    Family("lotor_info", Kind.GAUGE, "always 1; the version is a label", (("version", ()),)),
    Family("lotor_engine_info", Kind.GAUGE, "always 1; the engine that carries ESP is a label", (("engine", ()),)),
    Family("lotor_start_time_seconds", Kind.GAUGE, "when the daemon started, seconds since 1970"),
    Family("lotor_internal_errors_total", Kind.COUNTER, "faults of the program itself; must stay 0"),
    Family("lotor_sessions", Kind.GAUGE, "sessions", (("role", ("gateway", "client")), ("state", STATES))),
    Family("lotor_sessions_of_version", Kind.GAUGE, "clients that are up, by version of IKE", (("ike", ("1", "2")),)),
    Family("lotor_half_open", Kind.GAUGE, "clients that no login has proved yet"),
    Family("lotor_logins_total", Kind.COUNTER, "logins", (("result", ("accepted", "refused")),)),
    Family("lotor_logins_refused_total", Kind.COUNTER, "logins that were refused, by reason", (("kind", ()),)),
    Family("lotor_bans", Kind.GAUGE, "addresses, networks and logins that are banned now"),
    Family("lotor_store_fault", Kind.GAUGE, "1 while what should outlive the program cannot be written"),
    Family("lotor_fleet_up", Kind.GAUGE, "1 while the database of the fleet answers; of a gateway alone there is none"),
    Family("lotor_fleet_gateways", Kind.GAUGE, "gateways of the fleet", (("state", GATEWAY_STATES),)),
    Family("lotor_fleet_rows_waiting", Kind.GAUGE, "rows of this gateway that wait for the database of the fleet"),
    Family("lotor_handshake_seconds", Kind.HISTOGRAM, "from the first message to the end of phase 1"),
    Family("lotor_connect_seconds", Kind.HISTOGRAM, "from the first message until traffic flows, the login included"),
    Family("lotor_attempts_failed_total", Kind.COUNTER, "connections that did not come up, by reason", (("kind", ()),)),
    Family("lotor_sessions_ended_total", Kind.COUNTER, "sessions that were up and ended, by reason", (("kind", ()),)),
    Family("lotor_peers_dead_total", Kind.COUNTER, "peers that stopped answering"),
    Family("lotor_sessions_changed_total", Kind.COUNTER, "sessions whose grants a RADIUS server changed"),
    Family("lotor_renewals_total", Kind.COUNTER, "phase 1 made anew under a session"),
    Family("lotor_sa_pairs_total", Kind.COUNTER, "SA pairs that came up, renewals included"),
    Family("lotor_octets_total", Kind.COUNTER, "inner octets", (("direction", DIRECTIONS),)),
    Family("lotor_packets_total", Kind.COUNTER, "inner packets", (("direction", DIRECTIONS),)),
    Family(
        "lotor_packets_dropped_total",
        Kind.COUNTER,
        "packets of SA pairs that were dropped",
        (("reason", ("replayed", "forged", "misdirected", "limited", "shed")),),
    ),
    Family("lotor_messages_dropped_total", Kind.COUNTER, "IKE messages that were refused, by reason", (("kind", ()),)),
    Family(
        "lotor_first_messages_total",
        Kind.COUNTER,
        "first messages of strangers, by what became of them (docs/reliability.md)",
        (("result", ("at_once", "repeated", "deferred", "copies", "full", "shunned", "replaced", "withheld")),),
    ),
    Family("lotor_deferring", Kind.GAUGE, "1 while first messages have to come again, because too many came at once"),
    Family("lotor_waiting", Kind.GAUGE, "what waits for its turn", (("queue", ("datagrams", "questions")),)),
    Family("lotor_datagrams_shed_total", Kind.COUNTER, "datagrams of strangers that found no place in their line"),
    Family("lotor_accounting_waiting", Kind.GAUGE, "accounting records that wait for their keeper", (("keeper", ()),)),
    Family("lotor_leases", Kind.GAUGE, "inner addresses that sessions of the gateway have"),
    Family("lotor_pool_addresses", Kind.GAUGE, "inner addresses that the gateway can give"),
    Family(
        "lotor_certificate_expiry_time_seconds",
        Kind.GAUGE,
        "when our own certificate of a remote block ends, seconds since 1970",
        (("remote", ()),),
    ),
    Family("lotor_process_resident_memory_bytes", Kind.GAUGE, "memory of a process", (("process", ()),)),
    Family("lotor_process_cpu_seconds_total", Kind.COUNTER, "processor time of a process", (("process", ()),)),
    Family("lotor_process_start_time_seconds", Kind.GAUGE, "when a process started", (("process", ()),)),
)
FAMILIES = {each.name: each for each in _ROWS}
