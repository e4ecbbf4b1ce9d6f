"""Speaking Kubernetes: requests and responses, paths, selectors, patches, errors, one client, the connection to a cluster.

Raw JSON dicts only; no typed models, no controllers, no server.
"""
