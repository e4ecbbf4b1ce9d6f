"""Experiment, Suggestion and Trial: each a pure ``plan()`` and a thin ``observe()``.

What they need from elsewhere is declared in ``ports``; no algorithm, store or collector is imported here.
"""
