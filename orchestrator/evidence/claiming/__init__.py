"""Drafts as claims: what is worth checking, what stands for what, and where a sentence parts."""
