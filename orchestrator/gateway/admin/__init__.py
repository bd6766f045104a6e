"""Keys, budgets, costs and the record of changes over HTTP, for those who run the service."""
