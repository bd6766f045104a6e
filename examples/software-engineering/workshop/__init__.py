"""What this project adds: reading code, changing it by its syntax, testing it, judging it."""
