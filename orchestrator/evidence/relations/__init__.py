"""Whether a claim ties its numbers and names to what the source ties them to."""
