"""Every table of the registry, and the class scheme that a district starts with."""

from datetime import date
from pathlib import Path

import yaml
from alembic import op
from sqlalchemy import Date, SmallInteger, Text, column, table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE areas (
        id UUID NOT NULL,
        version INTEGER NOT NULL,
        code TEXT NOT NULL,
        path TEXT COLLATE "C" NOT NULL,
        name TEXT NOT NULL,
        level TEXT NOT NULL,
        parent_code TEXT,
        valid_from DATE NOT NULL,
        valid_to DATE,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_areas PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE enterprise_classes (
        area_path TEXT COLLATE "C" NOT NULL,
        code TEXT NOT NULL,
        effective_from DATE NOT NULL,
        effective_to DATE,
        label TEXT NOT NULL,
        meaning TEXT NOT NULL,
        rank SMALLINT NOT NULL,
        basis TEXT NOT NULL,
        CONSTRAINT pk_enterprise_classes PRIMARY KEY (area_path, code, effective_from)
    )
    """,
    """
    CREATE TABLE enterprises (
        id UUID NOT NULL,
        version INTEGER NOT NULL,
        name TEXT NOT NULL,
        name_key TEXT NOT NULL,
        credit_code TEXT,
        community_code TEXT NOT NULL,
        grid_code TEXT,
        area_path TEXT COLLATE "C" NOT NULL,
        industry_code TEXT,
        venue_type TEXT,
        address TEXT,
        headcount INTEGER,
        headcount_text TEXT,
        risk_level TEXT,
        enterprise_class TEXT,
        longitude FLOAT,
        latitude FLOAT,
        remark TEXT,
        status TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
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
    CREATE TABLE imports (
        id UUID NOT NULL,
        version INTEGER NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        file_name TEXT NOT NULL,
        file_bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        actor_id TEXT NOT NULL,
        area_path TEXT COLLATE "C" NOT NULL,
        rows INTEGER NOT NULL,
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        unchanged INTEGER NOT NULL,
        rejected INTEGER NOT NULL,
        warnings INTEGER NOT NULL,
        progress SMALLINT NOT NULL,
        problem JSONB,
        attempts SMALLINT NOT NULL,
        lease UUID,
        lease_until TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE,
        finished_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_imports PRIMARY KEY (id)
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
    CREATE TABLE gradings (
        id UUID NOT NULL,
        enterprise_id UUID NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        effective_on DATE NOT NULL,
        reason TEXT NOT NULL,
        actor_id TEXT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_gradings PRIMARY KEY (id),
        CONSTRAINT fk_gradings_enterprise_id_enterprises FOREIGN KEY(enterprise_id) REFERENCES enterprises (id)
    )
    """,
    """
    CREATE TABLE import_files (
        import_id UUID NOT NULL,
        content BYTEA NOT NULL,
        CONSTRAINT pk_import_files PRIMARY KEY (import_id),
        CONSTRAINT fk_import_files_import_id_imports FOREIGN KEY(import_id) REFERENCES imports (id)
    )
    """,
    """
    CREATE TABLE import_notes (
        import_id UUID NOT NULL,
        severity TEXT NOT NULL,
        nr INTEGER NOT NULL,
        sheet TEXT NOT NULL,
        row INTEGER NOT NULL,
        "column" TEXT NOT NULL,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        CONSTRAINT pk_import_notes PRIMARY KEY (import_id, severity, nr),
        CONSTRAINT fk_import_notes_import_id_imports FOREIGN KEY(import_id) REFERENCES imports (id)
    )
    """,
    """
    CREATE TABLE licences (
        id UUID NOT NULL,
        enterprise_id UUID NOT NULL,
        name TEXT NOT NULL,
        number TEXT NOT NULL,
        valid_until DATE,
        CONSTRAINT pk_licences PRIMARY KEY (id),
        CONSTRAINT fk_licences_enterprise_id_enterprises FOREIGN KEY(enterprise_id) REFERENCES enterprises (id)
    )
    """,
    """
    CREATE TABLE persons (
        id UUID NOT NULL,
        version INTEGER NOT NULL,
        name TEXT,
        phone TEXT,
        area_path TEXT COLLATE "C" NOT NULL,
        enterprise_id UUID,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_persons PRIMARY KEY (id),
        CONSTRAINT fk_persons_enterprise_id_enterprises FOREIGN KEY(enterprise_id) REFERENCES enterprises (id)
    )
    """,
    """
    CREATE TABLE posts (
        id UUID NOT NULL,
        person_id UUID NOT NULL,
        role TEXT NOT NULL,
        area_id UUID,
        enterprise_id UUID,
        valid_from DATE NOT NULL,
        valid_to DATE,
        CONSTRAINT pk_posts PRIMARY KEY (id),
        CONSTRAINT fk_posts_person_id_persons FOREIGN KEY(person_id) REFERENCES persons (id),
        CONSTRAINT fk_posts_area_id_areas FOREIGN KEY(area_id) REFERENCES areas (id),
        CONSTRAINT fk_posts_enterprise_id_enterprises FOREIGN KEY(enterprise_id) REFERENCES enterprises (id)
    )
    """,
)

INDEXES = (
    "CREATE INDEX ix_areas_parent_code ON areas (parent_code, code)",
    "CREATE INDEX ix_areas_path ON areas (path)",
    "CREATE UNIQUE INDEX uq_areas_code ON areas (code) WHERE valid_to IS NULL",
    "CREATE INDEX ix_enterprises_area ON enterprises (area_path, id)",
    "CREATE INDEX ix_enterprises_name_key ON enterprises (community_code, name_key)",
    "CREATE UNIQUE INDEX uq_enterprises_credit_code ON enterprises (credit_code) WHERE credit_code IS NOT NULL",
    "CREATE UNIQUE INDEX uq_enterprises_identity ON enterprises (community_code, name_key) WHERE credit_code IS NULL",
    "CREATE INDEX ix_imports_area ON imports (area_path, id)",
    "CREATE INDEX ix_imports_open ON imports (id) WHERE state IN ('queued', 'running')",
    "CREATE INDEX ix_outbox_unpublished ON outbox (shard, id) WHERE published_at IS NULL",
    "CREATE INDEX ix_gradings_enterprise ON gradings (enterprise_id, kind, effective_on, id)",
    "CREATE INDEX ix_licences_valid_until ON licences (valid_until) WHERE valid_until IS NOT NULL",
    "CREATE UNIQUE INDEX uq_licences_document ON licences (enterprise_id, name, number)",
    "CREATE INDEX ix_persons_area ON persons (area_path, id)",
    "CREATE INDEX ix_persons_enterprise ON persons (enterprise_id, id) WHERE enterprise_id IS NOT NULL",
    "CREATE INDEX ix_posts_person ON posts (person_id)",
    "CREATE UNIQUE INDEX uq_posts_area ON posts (area_id, role, person_id) "
    "WHERE valid_to IS NULL AND area_id IS NOT NULL",
    "CREATE UNIQUE INDEX uq_posts_enterprise ON posts (enterprise_id, role, person_id) "
    "WHERE valid_to IS NULL AND enterprise_id IS NOT NULL",
)

NAMES = (
    "areas",
    "enterprise_classes",
    "enterprises",
    "facts",
    "idempotency_keys",
    "imports",
    "outbox",
    "relay_leases",
    "relay_members",
    "gradings",
    "import_files",
    "import_notes",
    "licences",
    "persons",
    "posts",
)

_SEEDS = Path(__file__).parents[2] / "seeds" / "enterprise_classes.yaml"


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES):
        op.execute(statement)
    classes = table(
        "enterprise_classes",
        *(column(name, Text) for name in ("area_path", "code", "label", "meaning", "basis")),
        column("rank", SmallInteger),
        column("effective_from", Date),
    )
    rows: list[dict[str, str | int | date]] = yaml.safe_load(_SEEDS.read_text(encoding="utf-8"))
    op.bulk_insert(classes, rows)


def downgrade() -> None:
    for name in reversed(NAMES):
        op.execute(f"DROP TABLE {name}")
