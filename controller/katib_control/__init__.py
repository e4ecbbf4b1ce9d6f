"""The control plane: Katib's API served and reconciled, on a laptop or a cluster.

Layers, lowest first: ``api`` (pure nouns), ``kube`` (speaking Kubernetes), ``runtime`` (controllers), the siblings that
do the work, ``embedded`` (wiring). Never imports kfp or katib_kfp.
"""
