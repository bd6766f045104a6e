"""The audit log: a hash-chained record of what was decided, refused, approved and changed."""
