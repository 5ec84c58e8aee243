"""cotkit builds long chain-of-thought datasets: pull, dedup, distill, verify, select, publish."""

__version__ = "0.1.0"
