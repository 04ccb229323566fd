"""The tables of the fleet, as numbered steps, each carried out once for a database, in one transaction. A step that was
released is never changed; what comes later is another step."""

from __future__ import annotations

from lotor.fleet import procedures

TABLES = (
    # A member. `heard` by the database's clock; its addresses are its own for `lease` seconds from then on. `gone`: it
    # left, or it was found silent and its addresses were taken back.
    """CREATE TABLE lotor.gateways (
        name text PRIMARY KEY,
        seat text NOT NULL,
        run text NOT NULL,
        lease integer NOT NULL,
        heard timestamptz NOT NULL,
        gone boolean NOT NULL DEFAULT false
    )""",
    # How many addresses of a pool were given at least once, from its first one on.
    """CREATE TABLE lotor.pools (
        name text NOT NULL,
        first inet NOT NULL,
        fresh bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (name, first)
    )""",
    # An address, and who has it or had it last. `pool` is empty for one that was granted only. `run` is empty once the
    # session gave it back; a free address with a run is one of a gateway that fell silent, which hears when it is lost.
    """CREATE TABLE lotor.leases (
        address inet PRIMARY KEY,
        pool text NOT NULL DEFAULT '',
        username text NOT NULL DEFAULT '',
        gateway text NOT NULL DEFAULT '',
        run text NOT NULL DEFAULT '',
        session bigint NOT NULL DEFAULT 0,
        held boolean NOT NULL DEFAULT false,
        claimed timestamptz NOT NULL DEFAULT '-infinity',
        rested timestamptz NOT NULL DEFAULT clock_timestamp()
    )""",
    "CREATE INDEX leases_rested ON lotor.leases (pool, rested, address) WHERE NOT held",
    "CREATE INDEX leases_lowest ON lotor.leases (pool, address) WHERE NOT held",
    "CREATE INDEX leases_of_user ON lotor.leases (username, claimed)",
    "CREATE INDEX leases_of_session ON lotor.leases (gateway, run, session) WHERE run <> ''",
    # A session from its tunnel on; `began` and `ended` are its gateway's, for people, `touched` is the database's.
    """CREATE TABLE lotor.sessions (
        number bigserial PRIMARY KEY,
        gateway text NOT NULL,
        run text NOT NULL,
        id text NOT NULL,
        username text NOT NULL,
        source text NOT NULL,
        inside text NOT NULL,
        client text NOT NULL,
        began double precision NOT NULL,
        ended double precision,
        seconds bigint NOT NULL,
        octets_in bigint NOT NULL,
        octets_out bigint NOT NULL,
        packets_in bigint NOT NULL,
        packets_out bigint NOT NULL,
        why text NOT NULL,
        touched timestamptz NOT NULL DEFAULT clock_timestamp(),
        UNIQUE (gateway, id)
    )""",
    "CREATE INDEX sessions_of_user ON lotor.sessions (username, number)",
    "CREATE INDEX sessions_touched ON lotor.sessions (touched)",
    "CREATE INDEX sessions_open ON lotor.sessions (gateway, run) WHERE ended IS NULL",
    """CREATE TABLE lotor.bans (
        network boolean NOT NULL,
        subject text NOT NULL,
        since double precision NOT NULL,
        until timestamptz NOT NULL,
        why text NOT NULL,
        PRIMARY KEY (network, subject)
    )""",
    # `sealed` is what gateways alone can read; empty: the user is gone. The row of `turns` makes the order of changes
    # that of their ends.
    """CREATE TABLE lotor.users (
        name text PRIMARY KEY,
        sealed bytea NOT NULL,
        version bigint NOT NULL UNIQUE,
        changed timestamptz NOT NULL DEFAULT clock_timestamp()
    )""",
    "CREATE TABLE lotor.turns (name text PRIMARY KEY, turn bigint NOT NULL)",
    "INSERT INTO lotor.turns VALUES ('users', 0)",
    # `step` NULL: the key itself counts once.
    """CREATE TABLE lotor.spent (
        key text PRIMARY KEY,
        step bigint,
        spent timestamptz NOT NULL DEFAULT clock_timestamp()
    )""",
    """CREATE TABLE lotor.vouched (
        username text NOT NULL,
        network text NOT NULL,
        proved timestamptz NOT NULL,
        PRIMARY KEY (username, network)
    )""",
    "CREATE INDEX vouched_proved ON lotor.vouched (proved)",
)

# By which version of IKE (0: nobody wrote it down) and with which algorithms.
VERSIONS = (
    "ALTER TABLE lotor.sessions ADD COLUMN ike bigint NOT NULL DEFAULT 0",
    "ALTER TABLE lotor.sessions ADD COLUMN suite text NOT NULL DEFAULT ''",
)

# Whether a ticket brought the client back (1), and the device that proved itself before its user.
RETURNS = (
    "ALTER TABLE lotor.sessions ADD COLUMN resumed bigint NOT NULL DEFAULT 0",
    "ALTER TABLE lotor.sessions ADD COLUMN machine text NOT NULL DEFAULT ''",
)

STEPS: dict[int, tuple[str, ...]] = {1: (*TABLES, *procedures.FIRST), 2: VERSIONS, 3: RETURNS}
LATEST = max(STEPS)
