"""Sources, retrieval, claims, quotes, and how well a passage supports a claim."""
