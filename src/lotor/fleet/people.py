"""Who may log in at every gateway, and who may not: users, codes that were used, logins that were verified, bans."""

from __future__ import annotations

import math

from lotor.fleet import answers
from lotor.fleet.answers import LARGEST, Row, unfit
from lotor.fleet.connecting import Connection
from lotor.fleet.listening import payload_of
from lotor.fleet.members import Members
from lotor.model.ban import LONGEST as LONGEST_BAN
from lotor.model.ban import LONGEST_SUBJECT, Ban
from lotor.ports.fleet import MOST_AT_ONCE, News, Sign, UserLine

MOST_USERS = 65_536
"""Those that are gone included: every gateway has to hear of it."""
LONGEST_SEALED = 16_384
MOST_SPENT = 500_000
"""Keys; more than there are users."""
MOST_VOUCHED = 200_000
MOST_BANS = 4096
VOUCHED_FOR = 30
"""Days that a verified login counts."""
GONE_FOR = 400
"""Days after which nobody needs to hear that a user is gone, or that a step of a code was used."""
_NOTIFY = "SELECT pg_notify('lotor', $1)"
_BAN = """INSERT INTO lotor.bans (network, subject, since, until, why)
    VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4), $5) ON CONFLICT (network, subject)
    DO UPDATE SET since = excluded.since, until = excluded.until, why = excluded.why"""
_LIFT = "DELETE FROM lotor.bans WHERE network = $1 AND subject = $2"
# Where there are too many, those that end first go.
_CUT_BANS = f"""DELETE FROM lotor.bans WHERE until <= clock_timestamp() OR (network, subject) IN
    (SELECT network, subject FROM lotor.bans ORDER BY until DESC OFFSET {MOST_BANS})"""  # noqa: S608 - a number of ours
_BANS = f"""SELECT subject, network, since, extract(epoch FROM until)::double precision, why,
    extract(epoch FROM until - clock_timestamp())::double precision
    FROM lotor.bans WHERE until > clock_timestamp() ORDER BY until DESC LIMIT {MOST_BANS}"""  # noqa: S608 - a number of ours
_USERS = f"SELECT name, sealed, version FROM lotor.users WHERE version > $1 ORDER BY version LIMIT {MOST_AT_ONCE}"  # noqa: S608 - a number of ours
_WRITE_USER = "SELECT lotor.write_user($1, $2, $3, $4)"
_SPEND = "SELECT lotor.spend($1, $2, $3)"
_VOUCH = """INSERT INTO lotor.vouched (username, network, proved) VALUES ($1, $2, clock_timestamp())
    ON CONFLICT (username, network) DO UPDATE SET proved = excluded.proved"""
_VOUCHED = f"""SELECT EXISTS (SELECT 1 FROM lotor.vouched WHERE username = $1 AND network = $2
    AND proved > clock_timestamp() - make_interval(days => {VOUCHED_FOR}))"""  # noqa: S608 - a number of ours
_FORGET = (
    f"DELETE FROM lotor.vouched WHERE proved < clock_timestamp() - make_interval(days => {VOUCHED_FOR})",  # noqa: S608 - a number of ours
    f"""DELETE FROM lotor.vouched WHERE proved <
        (SELECT proved FROM lotor.vouched ORDER BY proved DESC OFFSET {MOST_VOUCHED} LIMIT 1)""",  # noqa: S608 - a number of ours
    f"DELETE FROM lotor.users WHERE sealed = '' AND changed < clock_timestamp() - make_interval(days => {GONE_FOR})",  # noqa: S608 - a number of ours
    f"""DELETE FROM lotor.spent WHERE step IS NOT NULL
        AND spent < clock_timestamp() - make_interval(days => {GONE_FOR})""",  # noqa: S608 - a number of ours
)


class People:
    """As `ports.fleet.Fleet` says."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def tell(self, news: News) -> None:
        await self._members.run(lambda it: it.execute(_NOTIFY, payload_of(news)))

    async def ban(self, ban: Ban, seconds: float) -> None:
        async def banned(connection: Connection) -> None:
            async with connection.transaction():
                if seconds > 0:
                    length = min(seconds, float(LONGEST_BAN))
                    await connection.execute(_BAN, ban.network, ban.subject, ban.since, length, ban.why)
                    await connection.execute(_CUT_BANS)
                else:
                    await connection.execute(_LIFT, ban.network, ban.subject)
                await connection.execute(_NOTIFY, payload_of(News(Sign.BANS)))

        if not math.isfinite(ban.since) or math.isnan(seconds):
            raise OSError("a ban has a beginning and an end")
        await self._members.run(banned)

    async def bans(self) -> tuple[tuple[Ban, float], ...]:
        rows = await self._members.run(lambda it: it.fetch(_BANS))
        return tuple(map(_ban, answers.rows(rows, MOST_BANS)))

    async def users(self, after: int) -> tuple[UserLine, ...]:
        rows = answers.rows(await self._members.run(lambda it: it.fetch(_USERS, after)), MOST_AT_ONCE)
        lines = tuple(_user(row) for row in rows)
        if [after, *(line.version for line in lines)] != sorted({after, *(line.version for line in lines)}):
            raise unfit("users in another order")
        return lines

    async def write_user(self, name: str, sealed: bytes, version: int) -> int | None:
        if len(sealed) > LONGEST_SEALED:
            raise OSError(f"the user {name} has more than {LONGEST_SEALED} octets")
        values = (name, sealed, version, MOST_USERS)
        written = await self._members.run(lambda it: it.fetchval(_WRITE_USER, *values), again=False)
        if written == 0:
            raise OSError(f"the fleet has {MOST_USERS} users: no more are taken")
        return None if written is None else answers.number(written)

    async def spend(self, key: str, step: int | None) -> bool:
        spent = await self._members.run(lambda it: it.fetchval(_SPEND, key, step, MOST_SPENT), again=False)
        if spent is None:
            raise OSError(f"the fleet knows {MOST_SPENT} keys of codes: no more are taken")
        return answers.flag(spent)

    async def vouch(self, user: str, network: str) -> None:
        await self._members.run(lambda it: it.execute(_VOUCH, user, network))

    async def vouched(self, user: str, network: str) -> bool:
        return answers.flag(await self._members.run(lambda it: it.fetchval(_VOUCHED, user, network)))

    async def forget(self, connection: Connection) -> None:
        """What no gateway asks for any more."""
        for each in (*_FORGET, _CUT_BANS):
            await connection.execute(each)


def _ban(row: Row) -> tuple[Ban, float]:
    subject, network = answers.text(row[0], LONGEST_SUBJECT), answers.flag(row[1])
    ban = Ban(subject, network, answers.seconds(row[2]), answers.seconds(row[3]), answers.text(row[4]))
    return ban, answers.seconds(row[5], float(LONGEST_BAN))


def _user(row: Row) -> UserLine:
    version = answers.number(row[2], LARGEST)
    name, sealed = row[0], answers.octets(row[1], LONGEST_SEALED)
    if not isinstance(name, str) or len(name) > LONGEST_SUBJECT:
        raise unfit("a user without a name")
    return UserLine(name, sealed, version)
