"""Sessions of all gateways: who is connected, and who was."""

from __future__ import annotations

import math

from lotor.fleet import answers
from lotor.fleet.answers import LARGEST, Row
from lotor.fleet.connecting import Connection
from lotor.fleet.connections import Connections
from lotor.fleet.members import Members
from lotor.fleet.procedures import ALIVE
from lotor.ports.fleet import MOST_AT_ONCE, Member, Page, Past, Present, Wanted

MOST = 200_000
"""Sessions of the past; the oldest is forgotten first, whatever its age."""
MOST_PRESENT = 2000
LOST = "gateway-died"
"""Why a session ended whose gateway did not say it."""
_COLUMNS = (
    "gateway, run, id, username, source, inside, client, began, ended, seconds, "
    "octets_in, octets_out, packets_in, packets_out, why, ike, suite, resumed, machine"
)
_TYPES = ("text",) * 7 + ("double precision",) * 2 + ("bigint",) * 5 + ("text", "bigint", "text", "bigint", "text")
_GIVEN = ", ".join(f"${number}::text[]::{type_}[]" for number, type_ in enumerate(_TYPES, start=1))
# A number is used for a session that is new only: the numbers say how many there are. What has ended stays so.
_KEEP = f"""WITH given AS (SELECT * FROM unnest({_GIVEN}) AS t ({_COLUMNS})),
    known AS (UPDATE lotor.sessions AS s SET run = given.run, inside = given.inside, client = given.client,
        ended = given.ended, seconds = given.seconds, octets_in = given.octets_in, octets_out = given.octets_out,
        packets_in = given.packets_in, packets_out = given.packets_out, why = given.why,
        ike = given.ike, suite = given.suite, resumed = given.resumed, machine = given.machine,
        touched = clock_timestamp()
        FROM given WHERE s.gateway = given.gateway AND s.id = given.id
        AND (s.ended IS NULL OR given.ended IS NOT NULL))
    INSERT INTO lotor.sessions ({_COLUMNS}) SELECT * FROM given
        WHERE NOT EXISTS (SELECT 1 FROM lotor.sessions s WHERE s.gateway = given.gateway AND s.id = given.id)
        ON CONFLICT DO NOTHING"""  # noqa: S608 - texts of ours
_CUT = f"DELETE FROM lotor.sessions WHERE number <= (SELECT max(number) FROM lotor.sessions) - {MOST}"  # noqa: S608 - a number of ours
_SHOWN = "s.gateway, s.id, s.username, s.source, s.inside, s.client, s.began, s.octets_in, s.octets_out"
_PRESENT = f"""SELECT {_SHOWN} FROM lotor.sessions s JOIN lotor.gateways g ON g.name = s.gateway AND g.run = s.run
    WHERE s.ended IS NULL AND {ALIVE} AND ($1 = '' OR s.username = $1) ORDER BY s.number DESC
    LIMIT {MOST_PRESENT}"""  # noqa: S608 - texts of ours
_LASTS = f"EXISTS (SELECT 1 FROM lotor.gateways g WHERE g.name = s.gateway AND g.run = s.run AND {ALIVE})"  # noqa: S608 - texts of ours
_PAST = f"""SELECT {_SHOWN}, CASE WHEN s.ended IS NULL AND NOT {_LASTS} THEN s.began + s.seconds ELSE s.ended END,
    s.seconds, s.packets_in, s.packets_out,
    CASE WHEN s.ended IS NULL AND NOT {_LASTS} THEN '{LOST}' ELSE s.why END,
    s.ike, s.suite, s.resumed, s.machine, s.number
    FROM lotor.sessions s WHERE ($1 = '' OR s.username = $1)
    AND ($2::double precision IS NULL OR s.ended IS NULL OR s.ended >= $2)
    AND ($3::double precision IS NULL OR s.began <= $3)
    AND ($4::bigint IS NULL OR s.number < $4)
    AND ($5::bigint IS NULL OR s.ike = $5) ORDER BY s.number DESC LIMIT {MOST_AT_ONCE + 1}"""  # noqa: S608 - texts of ours
_FORGET = f"DELETE FROM lotor.sessions s WHERE s.touched < clock_timestamp() - make_interval(days => $1) AND NOT (s.ended IS NULL AND {_LASTS})"  # noqa: S608, E501 - texts of ours


class History:
    """As `ports.fleet.Fleet` says."""

    def __init__(self, members: Members, member: Member) -> None:
        self._members = members
        self._member = member

    async def keep(self, sessions: tuple[Past, ...]) -> None:
        newest = {each.present.id: each for each in sessions}  # of one session the last word
        if not newest:
            return
        columns = [list(map(_told, column)) for column in zip(*map(self._row, newest.values()), strict=True)]

        async def kept(connection: Connection) -> None:
            await connection.execute(_KEEP, *columns)
            await connection.execute(_CUT)

        await self._members.run(kept)

    async def present(self, user: str) -> tuple[Present, ...]:
        rows = await self._members.run(lambda it: it.fetch(_PRESENT, user))
        return tuple(map(_present, answers.rows(rows, MOST_PRESENT)))

    async def past(self, wanted: Wanted) -> Page:
        return await past_of(self._members, wanted)

    async def forget(self, connection: Connection, days: int) -> None:
        await connection.execute(_FORGET, days)

    def _row(self, past: Past) -> tuple[object, ...]:
        """In the order of `_COLUMNS`, of this gateway."""
        shown = past.present
        counted = (past.seconds, shown.octets_in, shown.octets_out, past.packets_in, past.packets_out)
        return (
            *(self._member.name, self._member.run, shown.id, shown.user, shown.source, shown.inside, shown.client),
            *(_finite(shown.since), None if past.ended is None else _finite(past.ended)),
            *(min(max(each, 0), LARGEST) for each in counted),
            *(past.why, past.ike, past.suite, past.resumed, past.machine),
        )


def _told(value: object) -> str | None:
    return None if value is None else str(value)


async def past_of(asked: Members | Connections, wanted: Wanted) -> Page:
    """Also for a program that is no gateway of the fleet."""
    values = (wanted.user, wanted.since, wanted.until, wanted.before, wanted.ike)
    rows = await asked.run(lambda it: it.fetch(_PAST, *values))
    shown = [_past(row) for row in answers.rows(rows, MOST_AT_ONCE + 1)]
    more = len(shown) > MOST_AT_ONCE
    return Page(tuple(shown[:MOST_AT_ONCE]), answers.number(rows[MOST_AT_ONCE - 1][18]) if more else None)


def _finite(time: float) -> float:
    return time if math.isfinite(time) else 0.0


def _present(row: Row) -> Present:
    gateway, name, user, source, inside, client = (answers.text(each) for each in row[:6])
    octets_in, octets_out = answers.number(row[7]), answers.number(row[8])
    return Present(gateway, name, user, source, inside, client, answers.seconds(row[6]), octets_in, octets_out)


def _past(row: Row) -> Past:
    ended = None if row[9] is None else answers.seconds(row[9])
    seconds, packets_in, packets_out = (answers.number(each) for each in row[10:13])
    why, suite, machine = (answers.text(row[each]) for each in (13, 15, 17))
    ike, resumed = answers.number(row[14]), answers.number(row[16])
    return Past(_present(row), ended, seconds, packets_in, packets_out, why, ike, suite, resumed, machine)
