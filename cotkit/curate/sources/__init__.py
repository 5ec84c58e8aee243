"""Where problems come from; a source is one small module registered by name in cotkit/registry.py."""
