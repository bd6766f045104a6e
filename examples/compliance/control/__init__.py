"""The audit's own code: the case, its tests, the list of people, assessment, proof, report."""
