"""Fixtures of the tests that run kfp.local."""

from conftest_kfp import run_here, spec

__all__ = ["run_here", "spec"]
