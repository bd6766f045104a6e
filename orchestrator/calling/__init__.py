"""Carries a decision out: transports, attempts, fallbacks, the ledger."""
