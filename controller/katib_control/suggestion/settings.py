"""The settings of search algorithms; they are ``api.settings``, which early stopping shares."""

from katib_control.api.settings import RANDOM_STATE, Setting, Settings, read_settings, suggest

__all__ = ["RANDOM_STATE", "Setting", "Settings", "read_settings", "suggest"]
