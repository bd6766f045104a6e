"""Word problems, percentages, dates and conversions, solved exactly or refused."""
