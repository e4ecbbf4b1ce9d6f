"""Generated from proto/katib_control/pb and nothing else; ``scripts/generate_stubs`` writes it."""
