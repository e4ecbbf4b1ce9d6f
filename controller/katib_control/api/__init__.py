"""The nouns of ``kubeflow.org/v1beta1``: types, conditions, defaults, validation, CRD schemas.

Pure: no input or output, no clock, no environment, no randomness.
"""
