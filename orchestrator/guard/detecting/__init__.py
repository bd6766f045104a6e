"""What texts hold: personal data, secrets, and what a project says besides."""
