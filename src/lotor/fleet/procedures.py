"""What the database does in one go, as its own procedures: no gateway that is slow, stopped or cut off can hold a lock
between two statements. Times are those of `clock_timestamp()`, read once whatever was waited for is there."""

from __future__ import annotations

ALIVE = "(NOT g.gone AND g.heard + make_interval(secs => g.lease) > clock_timestamp())"
"""Of a row `g` of gateways: its addresses are its own."""

# Another run of the seat that nobody hears of is one of a backup: whoever was here meanwhile goes on.
_JOIN = f"""CREATE FUNCTION lotor.join(a_name text, a_seat text, a_run text, a_lease integer, a_first boolean)
RETURNS TABLE (state text, wait double precision) LANGUAGE plpgsql AS $$
DECLARE
    g lotor.gateways;
    alive boolean;
BEGIN
    INSERT INTO lotor.gateways (name, seat, run, lease, heard)
        VALUES (a_name, a_seat, a_run, a_lease, clock_timestamp()) ON CONFLICT DO NOTHING;
    IF FOUND THEN RETURN QUERY SELECT 'new', 0::double precision; RETURN; END IF;
    SELECT * INTO STRICT g FROM lotor.gateways WHERE name = a_name FOR UPDATE;
    alive := {ALIVE};
    IF g.seat = a_seat AND g.run = a_run THEN
        UPDATE lotor.gateways SET heard = clock_timestamp(), lease = a_lease, gone = false WHERE name = a_name;
        RETURN QUERY SELECT CASE WHEN alive THEN 'alive' ELSE 'lapsed' END, 0::double precision;
        RETURN;
    END IF;
    IF g.seat <> a_seat AND alive THEN
        RETURN QUERY SELECT 'taken', extract(epoch FROM g.heard - clock_timestamp())::double precision + g.lease;
        RETURN;
    END IF;
    IF NOT a_first AND alive THEN RETURN QUERY SELECT 'replaced', 0::double precision; RETURN; END IF;
    UPDATE lotor.leases SET run = '', held = false, rested = CASE WHEN NOT held THEN rested
        ELSE least(clock_timestamp(), g.heard + make_interval(secs => g.lease)) END
        WHERE gateway = a_name AND run <> '';
    UPDATE lotor.gateways SET seat = a_seat, run = a_run, lease = a_lease, heard = clock_timestamp(), gone = false
        WHERE name = a_name;
    RETURN QUERY SELECT 'new', 0::double precision;
END $$"""  # noqa: S608 - texts of ours

_LEAVE = """CREATE FUNCTION lotor.leave(a_name text, a_run text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE lotor.gateways SET gone = true WHERE name = a_name AND run = a_run;
    IF FOUND THEN
        UPDATE lotor.leases SET held = false, run = '', rested = clock_timestamp()
            WHERE gateway = a_name AND run = a_run AND held;
    END IF;
END $$"""

# Whoever is locked is being heard of, or is claiming: silent it is not.
_SWEEP = """CREATE FUNCTION lotor.sweep() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    g lotor.gateways;
BEGIN
    FOR g IN SELECT * FROM lotor.gateways WHERE NOT gone
        AND heard + make_interval(secs => lease) <= clock_timestamp() FOR UPDATE SKIP LOCKED
    LOOP
        UPDATE lotor.gateways SET gone = true WHERE name = g.name;
        UPDATE lotor.leases SET held = false, rested = g.heard + make_interval(secs => g.lease)
            WHERE gateway = g.name AND run <> '' AND held;
    END LOOP;
END $$"""

_TELL = """CREATE FUNCTION lotor.tell(a_gateway text, a_sign text, a_subject text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('lotor', json_build_object('to', a_gateway, 'sign', a_sign, 'subject', left(a_subject, 256))::text)
$$"""

# The row is locked by the caller.
_TAKE = """CREATE FUNCTION lotor.take(l lotor.leases, a_gateway text, a_run text, a_session bigint, a_user text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF l.run <> '' AND (l.gateway <> a_gateway OR l.run <> a_run) THEN
        PERFORM lotor.tell(l.gateway, 'lost', host(l.address));
    END IF;
    UPDATE lotor.leases SET held = true, username = a_user, gateway = a_gateway, run = a_run, session = a_session,
        claimed = clock_timestamp() WHERE address = l.address;
END $$"""

# `a_ask`: 0 asks the gateway that has the user's address, 1 waits for it, 2 does neither; 3 neither, and the
# session has it at this gateway, whatever other one of it has claimed it since. Who has no name nobody knows again.
_GRANT = """CREATE FUNCTION lotor.grant_these(a_gateway text, a_run text, a_session bigint, a_user text,
    a_granted inet[], a_ask integer)
RETURNS TABLE (state text, had inet[]) LANGUAGE plpgsql AS $$
DECLARE
    one inet;
    l lotor.leases;
BEGIN
    FOREACH one IN ARRAY a_granted LOOP
        INSERT INTO lotor.leases (address) VALUES (one) ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT l FROM lotor.leases WHERE address = one FOR UPDATE;
        CONTINUE WHEN NOT l.held
            OR (l.gateway = a_gateway AND l.run = a_run AND (l.session = a_session OR a_ask = 3));
        IF l.username = a_user AND a_user <> '' AND l.gateway <> a_gateway AND a_ask < 2 THEN
            IF a_ask = 0 THEN PERFORM lotor.tell(l.gateway, 'returned', a_user); END IF;
            RETURN QUERY SELECT 'asked', ARRAY[one];
        ELSE
            RETURN QUERY SELECT 'used', ARRAY[one];
        END IF;
        RETURN;
    END LOOP;
    FOREACH one IN ARRAY a_granted LOOP
        SELECT * INTO STRICT l FROM lotor.leases WHERE address = one;
        PERFORM lotor.take(l, a_gateway, a_run, a_session, a_user);
    END LOOP;
    UPDATE lotor.leases SET held = false, run = '', rested = clock_timestamp()
        WHERE gateway = a_gateway AND run = a_run AND session = a_session AND held AND address <> ALL (a_granted);
    RETURN QUERY SELECT 'had', a_granted;
END $$"""

# The lowest address of a pool that was never given; NULL where there is none. Of those that were given to somebody as
# a grant, and of reserved ones, the row stays among the free ones. The row of the pool is locked by the caller.
_FRESH = """CREATE FUNCTION lotor.fresh(a_pool text, a_first inet, a_size bigint, a_reserved inet[])
RETURNS inet LANGUAGE plpgsql AS $$
DECLARE
    turn bigint;
    one inet;
    chosen inet;
BEGIN
    SELECT fresh INTO STRICT turn FROM lotor.pools WHERE name = a_pool AND first = a_first;
    FOR step IN 1..4096 LOOP
        EXIT WHEN turn >= a_size OR chosen IS NOT NULL;
        one := a_first + turn;
        turn := turn + 1;
        INSERT INTO lotor.leases (address, pool) VALUES (one, a_pool) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            UPDATE lotor.leases SET pool = a_pool WHERE address = one AND NOT held;
        ELSIF one <> ALL (a_reserved) THEN
            chosen := one;
        END IF;
    END LOOP;
    UPDATE lotor.pools SET fresh = turn WHERE name = a_pool AND first = a_first;
    RETURN chosen;
END $$"""

_REST = """CREATE FUNCTION lotor.rest(a_pool text, a_first inet, a_last inet, a_reserved inet[])
RETURNS inet LANGUAGE sql AS $$
    SELECT address FROM lotor.leases
        WHERE pool = a_pool AND NOT held AND address BETWEEN a_first AND a_last AND address <> ALL (a_reserved)
        ORDER BY rested, address LIMIT 1 FOR UPDATE SKIP LOCKED
$$"""

_FREE = """CREATE FUNCTION lotor.free(a_user text, a_pool text, a_first inet, a_size bigint, a_reserved inet[],
    a_lowest boolean)
RETURNS inet LANGUAGE plpgsql AS $$
DECLARE
    last inet := a_first + (a_size - 1);
    chosen inet;
BEGIN
    IF a_lowest THEN
        SELECT address INTO chosen FROM lotor.leases WHERE pool = a_pool AND NOT held
            AND address BETWEEN a_first AND last AND address <> ALL (a_reserved)
            AND address < a_first + (SELECT fresh FROM lotor.pools WHERE name = a_pool AND first = a_first)
            ORDER BY address LIMIT 1 FOR UPDATE SKIP LOCKED;
    ELSIF a_user <> '' THEN
        SELECT address INTO chosen FROM lotor.leases WHERE username = a_user AND NOT held
            AND address BETWEEN a_first AND last AND address <> ALL (a_reserved)
            ORDER BY claimed DESC LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    chosen := coalesce(chosen, lotor.fresh(a_pool, a_first, a_size, a_reserved),
        lotor.rest(a_pool, a_first, last, a_reserved));
    IF chosen IS NULL THEN
        UPDATE lotor.leases SET pool = a_pool WHERE pool <> a_pool AND NOT held AND address BETWEEN a_first AND last;
        chosen := lotor.rest(a_pool, a_first, last, a_reserved);
    END IF;
    RETURN chosen;
END $$"""

_CLAIM = f"""CREATE FUNCTION lotor.claim(a_gateway text, a_run text, a_session bigint, a_user text, a_granted inet[],
    a_ask integer, a_pool text, a_first inet, a_size bigint, a_reserved inet[], a_lowest boolean)
RETURNS TABLE (state text, had inet[]) LANGUAGE plpgsql AS $$
DECLARE
    l lotor.leases;
    mine inet[];
    chosen inet;
BEGIN
    PERFORM lotor.sweep();
    PERFORM 1 FROM lotor.gateways g WHERE g.name = a_gateway AND g.run = a_run AND {ALIVE} FOR SHARE;
    IF NOT FOUND THEN RETURN QUERY SELECT 'unknown', NULL::inet[]; RETURN; END IF;
    IF cardinality(a_granted) > 0 THEN
        RETURN QUERY SELECT * FROM lotor.grant_these(a_gateway, a_run, a_session, a_user, a_granted, a_ask);
        RETURN;
    END IF;
    INSERT INTO lotor.pools (name, first) VALUES (a_pool, a_first) ON CONFLICT DO NOTHING;
    PERFORM 1 FROM lotor.pools WHERE name = a_pool AND first = a_first FOR UPDATE;
    SELECT array_agg(address ORDER BY address) INTO mine FROM lotor.leases
        WHERE gateway = a_gateway AND run = a_run AND run <> '' AND session = a_session AND held;
    IF mine IS NOT NULL THEN RETURN QUERY SELECT 'had', mine; RETURN; END IF;
    IF a_ask < 2 AND NOT a_lowest AND a_user <> '' THEN
        SELECT * INTO l FROM lotor.leases WHERE username = a_user AND address BETWEEN a_first AND a_first + (a_size - 1)
            AND address <> ALL (a_reserved) ORDER BY claimed DESC LIMIT 1;
        IF FOUND AND l.held AND l.gateway <> a_gateway THEN
            IF a_ask = 0 THEN PERFORM lotor.tell(l.gateway, 'returned', a_user); END IF;
            RETURN QUERY SELECT 'asked', ARRAY[l.address];
            RETURN;
        END IF;
    END IF;
    chosen := lotor.free(a_user, a_pool, a_first, a_size, a_reserved, a_lowest);
    IF chosen IS NULL THEN RETURN QUERY SELECT 'exhausted', NULL::inet[]; RETURN; END IF;
    SELECT * INTO STRICT l FROM lotor.leases WHERE address = chosen FOR UPDATE;
    PERFORM lotor.take(l, a_gateway, a_run, a_session, a_user);
    RETURN QUERY SELECT 'had', ARRAY[chosen];
END $$"""  # noqa: S608 - texts of ours

# NULL: the user has another version. 0: there are as many users as there may be.
_WRITE_USER = """CREATE FUNCTION lotor.write_user(a_name text, a_sealed bytea, a_version bigint, a_most bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    turn_now bigint;
    u lotor.users;
BEGIN
    UPDATE lotor.turns SET turn = turn + 1 WHERE name = 'users' RETURNING turn INTO STRICT turn_now;
    SELECT * INTO u FROM lotor.users WHERE name = a_name;
    IF FOUND THEN
        IF u.version <> a_version AND NOT (u.sealed = '' AND a_version = 0) THEN RETURN NULL; END IF;
    ELSIF a_version <> 0 THEN
        RETURN NULL;
    ELSIF (SELECT count(*) FROM lotor.users) >= a_most THEN
        RETURN 0;
    END IF;
    INSERT INTO lotor.users (name, sealed, version) VALUES (a_name, a_sealed, turn_now) ON CONFLICT (name)
        DO UPDATE SET sealed = excluded.sealed, version = excluded.version, changed = clock_timestamp();
    PERFORM lotor.tell('', 'users', '');
    RETURN turn_now;
END $$"""

# NULL: there are as many keys as there may be.
_SPEND = """CREATE FUNCTION lotor.spend(a_key text, a_step bigint, a_most bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lotor.spent AS s (key, step) VALUES (a_key, a_step) ON CONFLICT (key)
        DO UPDATE SET step = excluded.step, spent = clock_timestamp() WHERE s.step < excluded.step;
    IF NOT FOUND THEN RETURN false; END IF;
    IF (SELECT count(*) FROM (SELECT 1 FROM lotor.spent LIMIT a_most + 1) AS counted) > a_most THEN
        DELETE FROM lotor.spent WHERE key = a_key;
        RETURN NULL;
    END IF;
    RETURN true;
END $$"""

FIRST = (_JOIN, _LEAVE, _SWEEP, _TELL, _TAKE, _GRANT, _FRESH, _REST, _FREE, _CLAIM, _WRITE_USER, _SPEND)
"""Those of the first version of the tables. A later one brings others under other names, or the same by OR REPLACE."""
