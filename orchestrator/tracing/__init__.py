"""The record of what happened: hops, attempts, the store, and explanations in plain words."""
