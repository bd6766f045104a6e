"""`mesh serve`: a supervisor, its workers, and how the project is exchanged while they serve."""
