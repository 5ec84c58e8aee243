"""What several strategies are made of: trees, votes, readings of replies, looks for leaks."""
