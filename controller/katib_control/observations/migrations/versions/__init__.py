"""One file a version of the observation log; a published one is never changed."""
