"""The deterministic models of the fleet: they cost nothing and never go down."""
