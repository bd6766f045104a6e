"""The service desk of a lamp shop: its order book, its handbook, and what they allow."""
