"""The dedup room: no problem twice, no benchmark item among the training problems, and evidence for each drop."""
