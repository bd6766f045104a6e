"""The fault catalogue: a server that injects every fault, scenarios, and the table over them."""
