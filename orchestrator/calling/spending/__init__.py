"""What the ledgers are made of: caps, the book with its lines, owners of leases, the report."""
