"""The bank's own code: reading the case, classes, ratios, papers, policy, proof, report."""
