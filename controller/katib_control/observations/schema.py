"""The one table of the observation log, as SQLAlchemy Core.

Changing it means: a new file in ``migrations/versions`` and its id in ``VERSION``. A test compares what the migrations
make with what is written here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, UniqueConstraint

VERSION = "0001"
"""The id of the newest migration."""

LENGTHS = {"namespace": 63, "trial_uid": 64, "metric": 255, "value": 255}
"""Longest texts, in characters; together they fit into MySQL's longest index key."""

METADATA = MetaData()

ENTRIES = Table(
    "observation_log",
    METADATA,
    # In the order of reporting: tells entries of the same time apart.
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("namespace", String(LENGTHS["namespace"]), nullable=False),
    Column("trial_uid", String(LENGTHS["trial_uid"]), nullable=False),
    Column("trial_name", Text, nullable=False),
    Column("metric", String(LENGTHS["metric"]), nullable=False),
    # Nanoseconds since 1970, to sort by; ``time`` is the text as it was reported.
    Column("time_ns", BigInteger, nullable=False),
    Column("time", String(64), nullable=False),
    Column("value", String(LENGTHS["value"]), nullable=False),
    # Counts equal entries of one report, so that reporting them again adds nothing.
    Column("ordinal", Integer, nullable=False),
    # Also the index for reading: its first two columns are a trial.
    UniqueConstraint(
        "namespace", "trial_uid", "metric", "time_ns", "value", "ordinal", name="uq_observation_log_entry"
    ),
)  # fmt: skip
