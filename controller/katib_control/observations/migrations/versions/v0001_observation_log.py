"""The observation log, keyed by namespace and trial uid."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "observation_log",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("namespace", sa.String(63), nullable=False),
        sa.Column("trial_uid", sa.String(64), nullable=False),
        sa.Column("trial_name", sa.Text, nullable=False),
        sa.Column("metric", sa.String(255), nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("time", sa.String(64), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.UniqueConstraint(
            "namespace", "trial_uid", "metric", "time_ns", "value", "ordinal", name="uq_observation_log_entry"
        ),
    )  # fmt: skip


def downgrade() -> None:
    """Drop the table and what was observed."""
    op.drop_table("observation_log")
