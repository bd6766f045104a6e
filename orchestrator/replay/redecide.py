"""The decisions of a trace, made again: same profile, same fleet, same policy, same context."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import MeshError, NoCandidateError, ProjectError, StorageError
from orchestrator.project.load import LoadedProject, load_project
from orchestrator.project.policy_schema import Policy
from orchestrator.records import Hop
from orchestrator.replay.values import Otherwise, Redecided
from orchestrator.routing.decide import decide
from orchestrator.storage.operations import Operations
from orchestrator.types import Context, Decision, FleetSnapshot, TaskProfile, as_json

BEFORE = "recorded before decisions kept what they were made under"
NO_FLEET = "the fleet that was seen is not on record"


@dataclass(slots=True)
class Policies:
    """The policies that decisions were made under, by hash.

    Args:
        loaded: the project as it is now.
        operations: where the texts of policies are kept.
        env: the environment, for `${NAME}`.
    """

    loaded: LoadedProject
    operations: Operations
    env: Mapping[str, str]
    _read: dict[str, Policy | str] = field(default_factory=dict)

    def get(self, hash: str) -> Policy | str:
        """The policy of that hash, or in words why it is not to be had."""
        if hash == self.loaded.project.policy_hash:
            return self.loaded.project.policy
        if hash not in self._read:
            self._read[hash] = self._find(hash)
        return self._read[hash]

    def _find(self, hash: str) -> Policy | str:
        try:
            kept = [one for one in self.operations.policies(hash) if one.hash == hash]
        except StorageError as error:
            return str(error)
        if not kept:
            return f"the text of policy {hash[:8]} is not kept"
        root = self.loaded.project.root
        try:
            with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
                file = Path(folder) / "policy.yaml"
                file.write_text(kept[0].text, encoding="utf-8")
                found = load_project(root or None, env=self.env, instead={file.name: file}).project
        except (ProjectError, OSError) as error:
            return f"the project does not load with policy {hash[:8]}: {error}"
        if found.policy_hash != hash:
            return f"policy {hash[:8]} reads otherwise in this version of mesh"
        return found.policy


def redecide(
    hops: Iterable[Hop],
    snapshot: Callable[[str], FleetSnapshot | None],
    policies: Policies,
) -> Redecided:
    """Make every decision of these hops again, and compare what comes out, bit for bit.

    Where the policy was edited since, they are also made under the policy as it is now.

    Args:
        snapshot: the fleet of a hash; see `TraceStore.snapshot`.
    """
    same, different, elsewhere = 0, list[Otherwise](), list[Otherwise]()
    cannot: Counter[str] = Counter()
    now = policies.loaded.project
    under: str | None = None
    for hop in hops:
        if hop.decision is None or hop.profile is None:
            continue
        seen = _seen(hop.decision, snapshot)
        policy = policies.get(hop.decision.policy_hash)
        if isinstance(seen, str) or isinstance(policy, str):
            cannot[seen if isinstance(seen, str) else str(policy)] += 1
            continue
        again = _decided(hop.profile, seen[0], policy, seen[1])
        if isinstance(again, Decision) and as_json(again) == as_json(hop.decision):
            same += 1
        else:
            different.append(_otherwise(hop, hop.decision, again))
        if hop.decision.policy_hash != now.policy_hash:
            under = now.policy_hash
            edited = _decided(hop.profile, seen[0], now.policy, seen[1])
            if not isinstance(edited, Decision) or _who(edited) != _who(hop.decision):
                elsewhere.append(_otherwise(hop, hop.decision, edited))
    return Redecided(
        same=same,
        different=tuple(different),
        cannot=dict(cannot),
        under=under,
        elsewhere=tuple(elsewhere),
    )


def _seen(
    decision: Decision, snapshot: Callable[[str], FleetSnapshot | None]
) -> tuple[FleetSnapshot, Context] | str:
    if decision.context is None:
        return BEFORE
    fleet = snapshot(decision.fleet_hash)
    return NO_FLEET if fleet is None else (fleet, decision.context)


def _decided(
    profile: TaskProfile, fleet: FleetSnapshot, policy: Policy, context: Context
) -> Decision | MeshError:
    try:
        return decide(profile, fleet, policy, context)
    except NoCandidateError as error:
        return error


def _who(decision: Decision) -> tuple[str, tuple[str, ...]]:
    return decision.strategy, decision.chain


def _otherwise(hop: Hop, before: Decision, after: Decision | MeshError) -> Otherwise:
    if isinstance(after, MeshError):
        return Otherwise(hop=hop, recorded=before.chosen, now=f"nobody: {after}")
    if _who(before) != _who(after):
        first, then = (_in_words(d, other) for d, other in ((before, after), (after, before)))
        return Otherwise(hop=hop, recorded=first, now=then)
    old, new = as_json(before), as_json(after)
    names = ", ".join(name for name in new if old.get(name) != new[name])
    return Otherwise(hop=hop, recorded="as on record", now=f"{after.chosen}, with other {names}")


def _in_words(decision: Decision, other: Decision) -> str:
    if decision.chosen != other.chosen:
        return decision.chosen
    rest = ", ".join(decision.fallbacks) or "no fallback"
    return f"{decision.strategy} of {decision.chosen}, then {rest}"
