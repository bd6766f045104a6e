"""Profile a task; decide which deployment serves it."""
