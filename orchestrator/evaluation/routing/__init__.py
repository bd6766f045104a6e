"""What routers are worth: who answered what right at what price, and what a choice makes of it."""
