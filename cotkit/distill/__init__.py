"""distill: ask a teacher for reasoning traces, and never pay twice for an answer."""
