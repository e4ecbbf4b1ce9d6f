"""The observation log: one SQL store, its migrations."""
