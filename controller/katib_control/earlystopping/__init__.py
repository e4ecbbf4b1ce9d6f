"""Early stopping: rules over the curves of trials, their registry, the engine, the gRPC service."""
