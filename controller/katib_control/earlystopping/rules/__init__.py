"""One file a rule: curves in, a verdict out. No network, no Kubernetes, no protobuf."""
