"""Hyperparameter tuning for Kubeflow Pipelines: what a pipeline author imports."""
