"""What `mesh eval` measures besides suites: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator.cli.eval_answers import answers
from orchestrator.cli.eval_cache import cache
from orchestrator.cli.eval_checkers import checkers, oracle
from orchestrator.cli.eval_claims import claims
from orchestrator.cli.eval_mutations import mutations
from orchestrator.cli.eval_quotes import quotes
from orchestrator.cli.eval_routing import routing

MEASUREMENTS: Mapping[str, Callable[..., None]] = {
    "claims": claims,
    "mutations": mutations,
    "answers": answers,
    "checkers": checkers,
    "oracle": oracle,
    "quotes": quotes,
    "cache": cache,
    "routing": routing,
}
