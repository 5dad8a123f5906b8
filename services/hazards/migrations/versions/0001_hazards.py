"""Every table of the hazards service."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE areas (
        id UUID NOT NULL,
        version BIGINT NOT NULL,
        path TEXT COLLATE "C" NOT NULL,
        name TEXT NOT NULL,
        level TEXT NOT NULL,
        valid_to DATE,
        CONSTRAINT pk_areas PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE calendar_days (
        day DATE NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        CONSTRAINT pk_calendar_days PRIMARY KEY (day)
    )
    """,
    """
    CREATE TABLE calendar_years (
        year SMALLINT NOT NULL,
        provisional BOOLEAN NOT NULL,
        CONSTRAINT pk_calendar_years PRIMARY KEY (year)
    )
    """,
    """
    CREATE TABLE code_values (
        code_table TEXT NOT NULL,
        code TEXT NOT NULL,
        label TEXT NOT NULL,
        position SMALLINT NOT NULL,
        CONSTRAINT pk_code_values PRIMARY KEY (code_table, code)
    )
    """,
    """
    CREATE TABLE counter_deltas (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        area_path TEXT COLLATE "C" NOT NULL,
        day DATE NOT NULL,
        was TEXT NOT NULL,
        became TEXT NOT NULL,
        n INTEGER NOT NULL,
        CONSTRAINT pk_counter_deltas PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE counters (
        area_path TEXT COLLATE "C" NOT NULL,
        period TEXT COLLATE "C" NOT NULL,
        metric TEXT COLLATE "C" NOT NULL,
        value BIGINT NOT NULL,
        CONSTRAINT pk_counters PRIMARY KEY (area_path, period, metric)
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
        failed_at timestamptz NOT NULL,
        replayed_at timestamptz,
        CONSTRAINT pk_dead_letters PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE deadline_policies (
        id UUID NOT NULL,
        code TEXT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        level TEXT,
        basis TEXT NOT NULL,
        effective_from DATE NOT NULL,
        effective_to DATE,
        created_by TEXT NOT NULL,
        created_at timestamptz NOT NULL,
        clock TEXT NOT NULL,
        category TEXT,
        period TEXT NOT NULL,
        counting TEXT NOT NULL,
        roll_forward BOOLEAN NOT NULL,
        CONSTRAINT pk_deadline_policies PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE enterprises (
        id UUID NOT NULL,
        version BIGINT NOT NULL,
        name TEXT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        risk_level TEXT,
        status TEXT NOT NULL,
        CONSTRAINT pk_enterprises PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE escalation_policies (
        id UUID NOT NULL,
        code TEXT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        level TEXT,
        basis TEXT NOT NULL,
        effective_from DATE NOT NULL,
        effective_to DATE,
        created_by TEXT NOT NULL,
        created_at timestamptz NOT NULL,
        steps JSONB NOT NULL,
        CONSTRAINT pk_escalation_policies PRIMARY KEY (id)
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
    CREATE TABLE hazard_log (
        hazard_id UUID NOT NULL,
        version INTEGER NOT NULL,
        at timestamptz NOT NULL,
        move TEXT NOT NULL,
        from_state TEXT,
        to_state TEXT NOT NULL,
        actor_id TEXT NOT NULL,
        actor_name TEXT,
        tier TEXT NOT NULL,
        role TEXT NOT NULL,
        round SMALLINT NOT NULL,
        reason TEXT,
        details JSONB,
        CONSTRAINT pk_hazard_log PRIMARY KEY (hazard_id, version)
    )
    """,
    """
    CREATE TABLE hazards (
        id UUID NOT NULL,
        number TEXT NOT NULL,
        version INTEGER NOT NULL,
        state TEXT NOT NULL,
        level TEXT,
        suggested_level TEXT,
        category TEXT,
        source TEXT NOT NULL,
        description TEXT NOT NULL,
        place TEXT,
        area_path TEXT COLLATE "C" NOT NULL,
        enterprise_id UUID,
        enterprise_name TEXT,
        handling TEXT NOT NULL,
        round SMALLINT NOT NULL,
        due_at timestamptz,
        due_provisional BOOLEAN NOT NULL,
        overdue_since timestamptz,
        missed_deadlines SMALLINT NOT NULL,
        act_by timestamptz,
        act_overdue_since timestamptz,
        escalation_rung SMALLINT NOT NULL,
        escalation_tier TEXT,
        ladder JSONB,
        basis JSONB,
        order_terms JSONB,
        submitted_by TEXT,
        submitted_at timestamptz,
        reported_by TEXT NOT NULL,
        reported_at timestamptz NOT NULL,
        closed_at timestamptz,
        changed_at timestamptz NOT NULL,
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
        answered_at timestamptz NOT NULL,
        CONSTRAINT pk_idempotency_keys PRIMARY KEY (actor, key)
    )
    """,
    """
    CREATE TABLE inbox (
        event_id UUID NOT NULL,
        handled_at timestamptz NOT NULL,
        CONSTRAINT pk_inbox PRIMARY KEY (event_id)
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
        time timestamptz NOT NULL,
        traceparent TEXT,
        data TEXT NOT NULL,
        published_at timestamptz,
        CONSTRAINT pk_outbox PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE policy_epoch (
        id SMALLINT NOT NULL,
        epoch BIGINT NOT NULL,
        CONSTRAINT pk_policy_epoch PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE relay_leases (
        shard SMALLINT NOT NULL,
        holder TEXT NOT NULL,
        token BIGINT NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT pk_relay_leases PRIMARY KEY (shard)
    )
    """,
    """
    CREATE TABLE relay_members (
        holder TEXT NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT pk_relay_members PRIMARY KEY (holder)
    )
    """,
    """
    CREATE TABLE reminder_policies (
        id UUID NOT NULL,
        code TEXT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        level TEXT,
        basis TEXT NOT NULL,
        effective_from DATE NOT NULL,
        effective_to DATE,
        created_by TEXT NOT NULL,
        created_at timestamptz NOT NULL,
        before JSONB NOT NULL,
        at_time TIME WITHOUT TIME ZONE,
        CONSTRAINT pk_reminder_policies PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE timers (
        subject_id UUID NOT NULL,
        kind TEXT NOT NULL,
        due_at timestamptz NOT NULL,
        data JSONB NOT NULL,
        CONSTRAINT pk_timers PRIMARY KEY (subject_id, kind)
    )
    """,
)

INDEXES = (
    "CREATE INDEX ix_areas_path ON areas (path)",
    "CREATE UNIQUE INDEX uq_dead_letters_place ON dead_letters (topic, partition_no, offset_no)",
    "CREATE INDEX ix_deadline_policies_area ON deadline_policies (area_path, id)",
    "CREATE INDEX ix_escalation_policies_area ON escalation_policies (area_path, id)",
    "CREATE INDEX ix_hazards_area ON hazards (area_path, id)",
    "CREATE INDEX ix_hazards_area_state ON hazards (area_path, state, id)",
    "CREATE INDEX ix_hazards_enterprise ON hazards (enterprise_id, id) WHERE enterprise_id IS NOT NULL",
    "CREATE INDEX ix_hazards_overdue ON hazards (area_path, id) WHERE overdue_since IS NOT NULL",
    "CREATE UNIQUE INDEX uq_hazards_number ON hazards (number)",
    "CREATE INDEX ix_outbox_unpublished ON outbox (shard, id) WHERE published_at IS NULL",
    "CREATE INDEX ix_reminder_policies_area ON reminder_policies (area_path, id)",
    "CREATE INDEX ix_timers_due_at ON timers (due_at)",
)

NAMES = (
    "areas",
    "calendar_days",
    "calendar_years",
    "code_values",
    "counter_deltas",
    "counters",
    "dead_letters",
    "deadline_policies",
    "enterprises",
    "escalation_policies",
    "facts",
    "hazard_log",
    "hazards",
    "idempotency_keys",
    "inbox",
    "outbox",
    "policy_epoch",
    "relay_leases",
    "relay_members",
    "reminder_policies",
    "timers",
)

SEQUENCES = """
DO $$
DECLARE series record;
BEGIN
    FOR series IN SELECT sequencename FROM pg_sequences
                  WHERE schemaname = current_schema() AND sequencename LIKE 'hazard\\_number\\_%' LOOP
        EXECUTE format('DROP SEQUENCE %I', series.sequencename);
    END LOOP;
END $$
"""


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES):
        op.execute(statement)
    op.execute("INSERT INTO policy_epoch (id, epoch) VALUES (1, 1)")


def downgrade() -> None:
    for name in reversed(NAMES):
        op.execute(f"DROP TABLE {name}")
    op.execute(SEQUENCES)
