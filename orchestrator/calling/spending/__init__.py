"""What the ledgers are made of: caps, the book with its lines, allowances, owners, the report."""
