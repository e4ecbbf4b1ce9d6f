"""What happens to an Experiment before it is stored: defaults, then every rule at once.

The embedded API server calls it as a function; a webhook around the same function serves a cluster.
"""
