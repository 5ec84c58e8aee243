"""The command line: a module per group of commands, one output sink, nothing else."""
