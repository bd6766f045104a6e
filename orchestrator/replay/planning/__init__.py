"""What a run of a graph will cost and take, said before anything is called."""
