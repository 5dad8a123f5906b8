"""Counters kept at every depth of the area tree; indexes in the orders in which hazards are listed."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# No index may name what a clock alone changes (overdue_since, versions, rungs): such a move then touches the row's page
# and no index, for which every page keeps some room.
LISTS = (
    "CREATE INDEX ix_hazards_stage ON hazards (state, coalesce(level, ''), area_path, id)",
    """
    CREATE INDEX ix_hazards_queue_community
    ON hazards (left(area_path, 12), state, coalesce(act_by, due_at), id, level, area_path)
    WHERE state NOT IN ('closed', 'void')
    """,
    """
    CREATE INDEX ix_hazards_queue_street ON hazards (left(area_path, 9), coalesce(act_by, due_at), id, level)
    WHERE state = 'ordered'
    """,
    """
    CREATE INDEX ix_hazards_queue_district ON hazards (left(area_path, 6), coalesce(act_by, due_at), id, level)
    WHERE state = 'ordered'
    """,
    """
    CREATE INDEX ix_hazards_of_enterprise ON hazards (enterprise_id, state, due_at, act_by, id)
    INCLUDE (level, handling, area_path) WHERE enterprise_id IS NOT NULL
    """,
)
NAMES = (
    "ix_hazards_stage",
    "ix_hazards_queue_community",
    "ix_hazards_queue_street",
    "ix_hazards_queue_district",
    "ix_hazards_of_enterprise",
)
FORMER_NAMES = ("ix_hazards_area_state", "ix_hazards_enterprise", "ix_hazards_overdue")
FORMER = (
    "CREATE INDEX ix_hazards_area_state ON hazards (area_path, state, id)",
    "CREATE INDEX ix_hazards_enterprise ON hazards (enterprise_id, id) WHERE enterprise_id IS NOT NULL",
    "CREATE INDEX ix_hazards_overdue ON hazards (area_path, id) WHERE overdue_since IS NOT NULL",
)

# What was counted by place is the deepest slice; the others are its sums.
SLICES = """
INSERT INTO counters (depth, area_path, period, metric, value)
SELECT d.depth, left(c.area_path, d.depth), c.period, c.metric, sum(c.value)
FROM counters c, unnest(ARRAY[6, 9, 12]::smallint[]) AS d(depth)
GROUP BY 1, 2, 3, 4
"""


def upgrade() -> None:
    op.execute("ALTER TABLE counters ADD COLUMN depth SMALLINT NOT NULL DEFAULT 15")
    op.execute("ALTER TABLE counters ALTER COLUMN depth DROP DEFAULT")
    op.execute("ALTER TABLE counters DROP CONSTRAINT pk_counters")
    op.execute(SLICES)
    op.execute("ALTER TABLE counters ADD CONSTRAINT pk_counters PRIMARY KEY (depth, period, area_path, metric)")
    op.execute("ALTER TABLE hazards SET (fillfactor = 85)")
    for statement in LISTS:
        op.execute(statement)
    for name in FORMER_NAMES:
        op.execute(f"DROP INDEX {name}")


def downgrade() -> None:
    for statement in FORMER:
        op.execute(statement)
    for name in NAMES:
        op.execute(f"DROP INDEX {name}")
    op.execute("ALTER TABLE hazards RESET (fillfactor)")
    op.execute("ALTER TABLE counters DROP CONSTRAINT pk_counters")
    op.execute("DELETE FROM counters WHERE depth <> 15")
    op.execute("ALTER TABLE counters DROP COLUMN depth")
    op.execute("ALTER TABLE counters ADD CONSTRAINT pk_counters PRIMARY KEY (area_path, period, metric)")
