"""Every table of the notifications service."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE alerts (
        id UUID NOT NULL,
        hazard_id UUID NOT NULL,
        kind TEXT NOT NULL,
        occasion TEXT NOT NULL,
        state TEXT NOT NULL,
        version BIGINT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        enterprise_id UUID,
        told_enterprise BOOLEAN NOT NULL,
        rungs JSONB NOT NULL,
        cursor INTEGER NOT NULL,
        recheck TEXT NOT NULL,
        opened_version BIGINT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        acknowledged_at TIMESTAMP WITH TIME ZONE,
        acknowledged_by TEXT,
        acknowledged_note TEXT,
        exhausted_at TIMESTAMP WITH TIME ZONE,
        closed_at TIMESTAMP WITH TIME ZONE,
        closed_reason TEXT,
        CONSTRAINT pk_alerts PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE areas (
        id UUID NOT NULL,
        path TEXT COLLATE "C" NOT NULL,
        name TEXT NOT NULL,
        level TEXT NOT NULL,
        version BIGINT NOT NULL,
        posts JSONB NOT NULL,
        valid_from DATE NOT NULL,
        valid_to DATE,
        CONSTRAINT pk_areas PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE attempts (
        delivery_id UUID NOT NULL,
        number INTEGER NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE NOT NULL,
        outcome TEXT,
        status INTEGER,
        error TEXT,
        latency_ms INTEGER,
        CONSTRAINT pk_attempts PRIMARY KEY (delivery_id, number)
    )
    """,
    """
    CREATE TABLE contacts (
        id UUID NOT NULL,
        person_id UUID NOT NULL,
        channel TEXT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        address TEXT NOT NULL,
        secret TEXT,
        version BIGINT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_contacts PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE dead_letters (
        id UUID NOT NULL,
        topic TEXT NOT NULL,
        partition_no INTEGER NOT NULL,
        offset_no BIGINT NOT NULL,
        key BYTEA NOT NULL,
        value BYTEA NOT NULL,
        headers JSONB NOT NULL,
        reason TEXT NOT NULL,
        failed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        replayed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_dead_letters PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE deliveries (
        id UUID NOT NULL,
        alert_id UUID NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        rung INTEGER NOT NULL,
        tier TEXT NOT NULL,
        person_id UUID NOT NULL,
        channel TEXT NOT NULL,
        contact_id UUID NOT NULL,
        text TEXT NOT NULL,
        ticket TEXT NOT NULL,
        state TEXT NOT NULL,
        version BIGINT NOT NULL,
        attempts INTEGER NOT NULL,
        attempts_allowed INTEGER NOT NULL,
        next_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        finished_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_deliveries PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE duty_shifts (
        id UUID NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        role TEXT,
        person_id UUID NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE,
        weekdays SMALLINT[] NOT NULL,
        day_from TIME WITHOUT TIME ZONE,
        day_to TIME WITHOUT TIME ZONE,
        version BIGINT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_duty_shifts PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE enterprises (
        id UUID NOT NULL,
        version BIGINT NOT NULL,
        name TEXT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        active BOOLEAN NOT NULL,
        contact_person_ids UUID[] NOT NULL,
        CONSTRAINT pk_enterprises PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE facts (
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        CONSTRAINT pk_facts PRIMARY KEY (name)
    )
    """,
    """
    CREATE TABLE hazards (
        id UUID NOT NULL,
        number TEXT NOT NULL,
        version BIGINT NOT NULL,
        state TEXT NOT NULL,
        level TEXT,
        area_path TEXT COLLATE "C" NOT NULL,
        enterprise_id UUID,
        enterprise_name TEXT,
        place TEXT,
        due_at TIMESTAMP WITH TIME ZONE,
        act_by TIMESTAMP WITH TIME ZONE,
        overdue_since TIMESTAMP WITH TIME ZONE,
        simulated BOOLEAN NOT NULL,
        CONSTRAINT pk_hazards PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE idempotency_keys (
        actor TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint BYTEA NOT NULL,
        status SMALLINT NOT NULL,
        headers JSONB NOT NULL,
        body BYTEA NOT NULL,
        answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_idempotency_keys PRIMARY KEY (actor, key)
    )
    """,
    """
    CREATE TABLE inbox (
        event_id UUID NOT NULL,
        handled_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_inbox PRIMARY KEY (event_id)
    )
    """,
    """
    CREATE TABLE ladder_policies (
        id UUID NOT NULL,
        code TEXT NOT NULL,
        kind TEXT NOT NULL,
        level TEXT,
        area_path TEXT COLLATE "C" NOT NULL,
        rungs JSONB NOT NULL,
        recheck TEXT NOT NULL,
        effective_from TIMESTAMP WITH TIME ZONE NOT NULL,
        effective_to TIMESTAMP WITH TIME ZONE,
        basis TEXT NOT NULL,
        version BIGINT NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_ladder_policies PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE outbox (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        shard SMALLINT NOT NULL,
        event_id UUID NOT NULL,
        topic TEXT NOT NULL,
        key TEXT NOT NULL,
        type TEXT NOT NULL,
        schema_id TEXT NOT NULL,
        sequence BIGINT NOT NULL,
        time TIMESTAMP WITH TIME ZONE NOT NULL,
        traceparent TEXT,
        data TEXT NOT NULL,
        published_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_outbox PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE relay_leases (
        shard SMALLINT NOT NULL,
        holder TEXT NOT NULL,
        token BIGINT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_relay_leases PRIMARY KEY (shard)
    )
    """,
    """
    CREATE TABLE relay_members (
        holder TEXT NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_relay_members PRIMARY KEY (holder)
    )
    """,
    """
    CREATE TABLE templates (
        id UUID NOT NULL,
        code TEXT NOT NULL,
        kind TEXT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        text TEXT NOT NULL,
        effective_from TIMESTAMP WITH TIME ZONE NOT NULL,
        effective_to TIMESTAMP WITH TIME ZONE,
        basis TEXT NOT NULL,
        version BIGINT NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_templates PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE timers (
        subject_id UUID NOT NULL,
        kind TEXT NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        data JSONB NOT NULL,
        CONSTRAINT pk_timers PRIMARY KEY (subject_id, kind)
    )
    """,
)

INDEXES = (
    "CREATE INDEX ix_alerts_area_path ON alerts (area_path, id)",
    "CREATE INDEX ix_alerts_enterprise_id ON alerts (enterprise_id, id) WHERE told_enterprise",
    "CREATE INDEX ix_alerts_exhausted ON alerts (area_path) WHERE state = 'exhausted'",
    "CREATE UNIQUE INDEX uq_alerts_case ON alerts (hazard_id, kind, occasion)",
    "CREATE INDEX ix_areas_path ON areas (path)",
    "CREATE INDEX ix_contacts_area_path ON contacts (area_path, id)",
    "CREATE UNIQUE INDEX uq_contacts_person ON contacts (person_id, channel, area_path)",
    "CREATE UNIQUE INDEX uq_dead_letters_place ON dead_letters (topic, partition_no, offset_no)",
    "CREATE INDEX ix_deliveries_alert_id ON deliveries (alert_id)",
    "CREATE INDEX ix_deliveries_dead ON deliveries (area_path, id) WHERE state = 'dead'",
    "CREATE INDEX ix_deliveries_next_at ON deliveries (next_at) WHERE state = 'pending'",
    "CREATE UNIQUE INDEX uq_deliveries_ticket ON deliveries (ticket)",
    "CREATE INDEX ix_duty_shifts_area_path ON duty_shifts (area_path, id)",
    "CREATE UNIQUE INDEX uq_ladder_policies_code ON ladder_policies (code, area_path, effective_from)",
    "CREATE INDEX ix_outbox_unpublished ON outbox (shard, id) WHERE published_at IS NULL",
    "CREATE UNIQUE INDEX uq_templates_code ON templates (code, area_path, effective_from)",
    "CREATE INDEX ix_timers_due_at ON timers (due_at)",
)


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    for name in (
        "timers",
        "templates",
        "relay_members",
        "relay_leases",
        "outbox",
        "ladder_policies",
        "inbox",
        "idempotency_keys",
        "hazards",
        "facts",
        "enterprises",
        "duty_shifts",
        "deliveries",
        "dead_letters",
        "contacts",
        "attempts",
        "areas",
        "alerts",
    ):
        op.execute(f"DROP TABLE {name}")
