"""Plots, HTML and tables of an Experiment: one code for KFP artifacts, notebooks and the web UI."""
