"""Which spans of the sources answer a question, and whether any does."""
