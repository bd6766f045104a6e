"""How good each deployment is now: breakers, live numbers, incidents, and where they are kept."""
