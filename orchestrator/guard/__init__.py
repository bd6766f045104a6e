"""What may be sent, stored and done: what texts hold, placeholders, filters, the audit log."""
