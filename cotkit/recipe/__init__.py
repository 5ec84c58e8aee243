"""Recipes: typed YAML, includes and overrides, JSON Schema, and the lock."""
