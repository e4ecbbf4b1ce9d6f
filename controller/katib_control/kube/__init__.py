"""Speaking Kubernetes: requests, responses, paths, selectors, patches, errors, one client, the cluster's connection.

Raw JSON dicts only; no typed models, no controllers, no server.
"""
