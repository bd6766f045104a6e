"""A model that calls tools: the bounded loop, single calls, and who agrees to them."""
