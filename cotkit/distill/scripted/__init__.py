"""A teacher out of a script: a real HTTP server that answers in any provider's shape, and fails as told."""
