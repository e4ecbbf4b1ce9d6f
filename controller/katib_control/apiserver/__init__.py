"""The embedded Kubernetes-compatible API server: store, handlers, watch, garbage collection, HTTP shell."""
