"""Getting problems in (pull, filter, sample) and rows out (select, publish, push)."""
