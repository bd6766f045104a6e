"""Virtual keys: who may ask for what."""
