"""An empty funnel, explained: the fewest rules whose removal leaves somebody."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import NoCandidateError
from orchestrator.routing._rules import Facts, Rule
from orchestrator.types import Candidate, Stage, TaskProfile


def no_candidate(
    profile: TaskProfile,
    facts: Sequence[Facts],
    rules: Sequence[Rule],
    candidates: Sequence[Candidate],
) -> NoCandidateError:
    """The error for a funnel in which every deployment breaks at least one rule.

    A deployment is eligible once *all* rules that it breaks are gone, so a smallest set to
    relax is the smallest set that one deployment breaks. Of equally small ones the set with
    fewer facts of nature wins (nobody can relax what a model is able to do), then the names.
    """
    if not facts:
        return NoCandidateError(f"no deployment for the task '{profile.task}': the fleet is empty")
    broken = [(f, [r for r in rules if not r.holds(f)]) for f in facts]
    nearest, relax = min(broken, key=lambda pair: _weight(*pair))
    names = tuple(sorted({r.name for r in relax}))
    details = "; ".join(
        Candidate(
            deployment=nearest.deployment.id,
            model=nearest.deployment.model,
            stage=r.stage,
            rule=r.name,
            found=r.found(nearest),
            required=r.required,
        ).reason
        for r in relax
    )
    advice = f"relax {' and '.join(names)}, for {nearest.deployment.id} ({details})"
    message = (
        f"no deployment may serve this request (task '{profile.task}', data class "
        f"'{profile.data_class}'): all {len(facts)} were removed. The smallest change that "
        f"leaves one is to {advice}"
    )
    return NoCandidateError(message, names, candidates, advice)


def _weight(facts: Facts, broken: Sequence[Rule]) -> tuple[int, int, int, list[str], str]:
    names = {r.name for r in broken}
    return (
        len(names),
        len({r.name for r in broken if r.stage is Stage.CAPABILITY}),
        len({r.name for r in broken if r.stage is Stage.AVAILABILITY}),
        sorted(names),
        facts.deployment.id,
    )
