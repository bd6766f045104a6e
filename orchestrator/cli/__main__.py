"""`python -m orchestrator.cli` is `mesh`."""

from orchestrator.cli import main

main()
