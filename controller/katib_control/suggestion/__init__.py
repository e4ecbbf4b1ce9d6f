"""Search algorithms behind the ``Suggest`` port: search space, registry, engine; one file an algorithm.

Nothing here knows Kubernetes."""
