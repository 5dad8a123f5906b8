"""What the bus keeps in its PostgreSQL database: the tables, and the one function that appends to the log."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1

# Any constant will do, as long as every process uses the same; the second number tells the purposes apart.
LOCK_CLASS: Final = 0x42_55_53  # "BUS"
INSTALL_LOCK: Final = 1

UNKNOWN_TOPIC_STATE: Final = "HLB01"

INSTALLED: Final = "SELECT to_regclass('bus.log') IS NOT NULL"

# Offsets are handed out by the row of the partition, which stays locked until COMMIT: a reader that sees an offset
# sees every smaller one, so nothing can become visible behind a reader's back. Partitions are locked in sorted order
# by a statement of its own, so two publishers never wait for each other in a circle, and the next statement reads the
# offsets that the lock waited for. Tokens begin at random, so that a lease of a log that was made anew is not taken
# for the lease of the former one, whose positions mean nothing in it.
DDL: Final = f"""
CREATE SCHEMA IF NOT EXISTS bus;
CREATE TABLE IF NOT EXISTS bus.topics (
    name text COLLATE "C" PRIMARY KEY,
    partitions integer NOT NULL CHECK (partitions BETWEEN 1 AND 1000),
    compacted boolean NOT NULL,
    retention interval
);
CREATE TABLE IF NOT EXISTS bus.partitions (
    topic text COLLATE "C" NOT NULL REFERENCES bus.topics (name) ON DELETE CASCADE,
    partition integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS bus.messages (
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key bytea NOT NULL,
    headers text NOT NULL,
    value bytea NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition, "offset")
);
CREATE TABLE IF NOT EXISTS bus.members (
    group_name text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    topics text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (group_name, id)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS bus.leases (
    group_name text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    member uuid,
    token bigint NOT NULL DEFAULT (random() * 1e15)::bigint,
    acked bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (group_name, topic, partition)
) WITH (fillfactor = 50);
CREATE OR REPLACE FUNCTION bus.publish(topics text[], hashes bigint[], keys bytea[], headers text[], bodies bytea[])
RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
    stored bigint;
BEGIN
    PERFORM FROM bus.partitions AS p
    WHERE (p.topic, p.partition) IN (
        SELECT t.name, (m.hash % t.partitions)::integer
        FROM unnest(topics, hashes) AS m (topic, hash) JOIN bus.topics AS t ON t.name = m.topic)
    ORDER BY p.topic, p.partition FOR UPDATE;

    WITH placed AS (
        SELECT p.topic, p.partition, m.key, m.headers, m.body,
               p.next_offset - 1 + row_number() OVER (PARTITION BY p.topic, p.partition ORDER BY m.place) AS "offset"
        FROM unnest(topics, hashes, keys, headers, bodies)
             WITH ORDINALITY AS m (topic, hash, key, headers, body, place)
        JOIN bus.topics AS t ON t.name = m.topic
        JOIN bus.partitions AS p ON p.topic = t.name AND p.partition = m.hash % t.partitions
    ), written AS (
        INSERT INTO bus.messages (topic, partition, "offset", key, headers, value)
        SELECT placed.topic, placed.partition, placed."offset", placed.key, placed.headers, placed.body FROM placed
        RETURNING messages.topic, messages.partition
    ), counted AS (
        SELECT written.topic, written.partition, count(*) AS n FROM written GROUP BY 1, 2
    ), moved AS (
        UPDATE bus.partitions AS p SET next_offset = p.next_offset + counted.n FROM counted
        WHERE p.topic = counted.topic AND p.partition = counted.partition
        RETURNING counted.n
    )
    SELECT coalesce(sum(n), 0) INTO stored FROM moved;
    IF stored <> cardinality(topics) THEN
        RAISE EXCEPTION 'the log lacks a topic of these messages' USING ERRCODE = '{UNKNOWN_TOPIC_STATE}';
    END IF;
END
$function$;
CREATE TABLE IF NOT EXISTS bus.log (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    version integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO bus.log (version) VALUES ({VERSION}) ON CONFLICT (one) DO NOTHING;
"""

PUBLISH: Final = "SELECT bus.publish($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::bytea[])"

IDENTITY: Final = "SELECT id FROM bus.log"

ADD_TOPICS: Final = """
INSERT INTO bus.topics (name, partitions, compacted, retention)
SELECT * FROM unnest($1::text[], $2::integer[], $3::boolean[], $4::interval[]) AS t (name, partitions, compacted, keep)
ORDER BY name ON CONFLICT (name) DO NOTHING
"""

ADD_PARTITIONS: Final = """
INSERT INTO bus.partitions (topic, partition)
SELECT t.name, p FROM bus.topics AS t CROSS JOIN LATERAL generate_series(0, t.partitions - 1) AS p
WHERE t.name = ANY($1::text[]) ORDER BY t.name, p ON CONFLICT (topic, partition) DO NOTHING
"""

# The oldest messages of a partition come first in the primary key, so no index on the time is needed.
PURGE: Final = """
DELETE FROM bus.messages AS m USING (
    SELECT o.topic, o.partition, o."offset"
    FROM bus.topics AS t JOIN bus.partitions AS p ON p.topic = t.name
    CROSS JOIN LATERAL (
        SELECT b.topic, b.partition, b."offset", b.published_at FROM bus.messages AS b
        WHERE b.topic = p.topic AND b.partition = p.partition ORDER BY b."offset" LIMIT 2000) AS o
    WHERE t.retention IS NOT NULL AND o.published_at < clock_timestamp() - t.retention
) AS old
WHERE m.topic = old.topic AND m.partition = old.partition AND m."offset" = old."offset"
"""

READ: Final = """
SELECT b.topic, b.partition, b."offset", b.key, b.headers, b.value
FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[])
     WITH ORDINALITY AS w (topic, partition, token, position, place)
JOIN bus.leases AS l ON l.group_name = $1 AND l.topic = w.topic AND l.partition = w.partition
     AND l.member = $2 AND l.token = w.token
CROSS JOIN LATERAL (
    SELECT m.* FROM bus.messages AS m
    WHERE m.topic = w.topic AND m.partition = w.partition AND m."offset" >= w.position
    ORDER BY m."offset" LIMIT $7) AS b
ORDER BY w.place, b."offset" LIMIT $7
"""

ACK: Final = """
WITH done AS (
    SELECT l.topic, l.partition, w.acked
    FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::bigint[]) AS w (topic, partition, token, acked)
    JOIN bus.leases AS l ON l.group_name = $1 AND l.topic = w.topic AND l.partition = w.partition
    WHERE l.member = $2 AND l.token = w.token
    ORDER BY l.topic, l.partition FOR UPDATE OF l
)
UPDATE bus.leases AS l SET acked = greatest(l.acked, done.acked) FROM done
WHERE l.group_name = $1 AND l.topic = done.topic AND l.partition = done.partition
RETURNING l.topic, l.partition, l.acked
"""
