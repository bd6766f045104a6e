"""Pages that show what was recorded: traces, hops, decisions, costs."""
