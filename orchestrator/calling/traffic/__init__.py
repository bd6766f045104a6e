"""Who may call which deployment now: breaker, rate limits, places; and what was seen of each."""
