"""Orders in texts that may not give any: found, fenced, refused."""
