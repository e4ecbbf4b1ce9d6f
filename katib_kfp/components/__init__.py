"""The KFP components: one module each, a signature, a docstring and a call into ``katib_kfp.runtime``."""
