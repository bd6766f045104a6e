"""How well passages support claims: features, a fitted model, calibrated probabilities."""
