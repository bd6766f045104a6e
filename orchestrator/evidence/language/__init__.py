"""What the deterministic checks know about English: words, synonyms, polarity, names."""
