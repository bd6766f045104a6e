"""What speaks for a hop having gone wrong: one module a kind of fault."""
