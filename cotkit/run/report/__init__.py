"""report.html: one self-contained page that shows a run to people who look rather than read."""

from cotkit.run.report.page import MEGABYTES, write_report

__all__ = ["MEGABYTES", "write_report"]
