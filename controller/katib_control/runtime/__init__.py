"""A small controller-runtime: work queue, informer, controller, manager, leader election, events, ``apply``, clock.

Knows Kubernetes objects, not experiments.
"""
