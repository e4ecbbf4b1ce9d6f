"""Migrations of the observation log, run by alembic when an older store is opened."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Connection


def upgrade(connection: Connection) -> None:
    """Bring the schema behind this connection to the newest version, inside the connection's transaction."""
    from alembic import command  # takes 0.3 s, and an up-to-date store never needs it
    from alembic.config import Config

    config = Config()
    # Through the option parser of alembic, which reads % as the start of a reference.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
