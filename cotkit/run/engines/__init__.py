"""Engines that run shards; see cotkit.engine for what one is."""
