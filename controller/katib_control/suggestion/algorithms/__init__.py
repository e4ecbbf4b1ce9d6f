"""One file an algorithm: numbers in, numbers out. No network, no Kubernetes, no protobuf."""
