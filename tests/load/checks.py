"""What must hold after a load: nothing lost, mixed up or cut, and everything on record once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator import Mesh
from tests.load.provider import Served
from tests.load.streams import Load

PRICES = {"words": 2, "spare": 1}
"""US dollars a million tokens, in and out."""


def write_project(folder: Path, endpoint: str, policy: str = "") -> Path:
    """Two models at one endpoint, with prices, a budget for each user, and a route."""
    folder.mkdir(parents=True, exist_ok=True)
    models = "".join(
        f"""
  {name}:
    family: {name}
    context: 8000
    tier: mid
    tasks: {{"*": {0.9 if name == "words" else 0.7}}}
    can: [stream]
    deployments:
      - {{id: here, via: openai, model: {name}, endpoint: "{endpoint}", hosting: self,
         price: {{input: {price}, output: {price}}}}}"""
        for name, price in PRICES.items()
    )
    (folder / "fleet.yaml").write_text(f"models:{models}\n")
    (folder / "mesh.yaml").write_text("deadline_ms: 120000\n")
    write_policy(folder, policy)
    return folder


def write_policy(folder: Path, routes: str = "") -> None:
    """The project's rules; a service sees them at its next reload."""
    (folder / "policy.yaml").write_text(
        f"""
objective: {{maximize: quality}}
budgets: [{{per: user, usd: 1000, window: day}}]
routes: [{routes}]
"""
    )


@dataclass(frozen=True, kw_only=True)
class Check:
    """One of the promises, and what was found."""

    name: str
    holds: bool
    found: str


def answered(load: Load) -> Check:
    """Every request has an end, and each that was taken is whole and its own."""
    ends = dict(load.ends)
    return Check(
        name="each its own answer, whole",
        holds=load.begun == len(load.told) > 0 and not load.wrong and load.ends["whole"] > 0,
        found=f"{load.begun} asked, {ends}" + (f"; {load.wrong[:3]}" if load.wrong else ""),
    )


def asked_once(load: Load, served: Served) -> Check:
    """What reached the provider is what was answered, and nothing of it was left."""
    whole = {one.number for one in load.told if one.end == "whole"}
    again = sum(times - 1 for times in served.by_number.values())
    return Check(
        name="asked upstream once each",
        holds=set(served.by_number) == whole and not again and not served.left,
        found=f"{served.requests} requests upstream, {again} repeated, {served.left} left; "
        f"by model {dict(served.by_model)}",
    )


def on_record(folder: Path, load: Load, served: Served, pieces: int) -> list[Check]:
    """What the ledger and the traces say, when the service has ended."""
    mesh = Mesh.load(folder, env={})
    costs = mesh.costs(by=("model", "outcome"))
    lines: Counter[str] = Counter()
    micro_usd = 0
    for (model, outcome), row in costs.rows:
        lines[f"{model} {outcome}"] += row.attempts
        micro_usd += row.known_micro_usd
    expected = {f"{model} ok": number for model, number in served.by_model.items()}
    due = sum(number * (5 + pieces) * PRICES[m] for m, number in served.by_model.items())
    traces = {trace.id: trace for trace in mesh.store.traces(limit=load.begun + 1000)}
    ours = {one.trace_id for one in load.told if one.end == "whole"}
    ok = sum(traces[id].status == "ok" for id in ours & set(traces))
    return [
        Check(
            name="a line in the ledger each",
            holds=dict(lines) == expected,
            found=f"{dict(lines)}, served {dict(served.by_model)}",
        ),
        Check(name="money", holds=micro_usd == due, found=f"{micro_usd} micro-dollars, due {due}"),
        Check(name="no open lease", holds=not costs.under_way, found=f"{costs.under_way} open"),
        Check(
            name="a trace each",
            holds=ok == len(ours) == load.ends["whole"] and set(traces) == ours,
            found=f"{ok} of {len(ours)} found and ended well; {len(traces)} in all",
        ),
    ]


def counted(metrics: str, load: Load) -> Check:
    """What `/metrics` of the service says, after the load."""
    total = 0.0
    for line in metrics.splitlines():
        if line.startswith("mesh_requests_total{") and "/v1/chat/completions" in line:
            total += float(line.rpartition(" ")[2])
    return Check(
        name="counted by /metrics",
        holds=total == len(load.told),
        found=f"{total:.0f} of {len(load.told)}",
    )


def memory_mb(supervisor: int) -> Mapping[str, float]:
    """Megabytes of each process of a service, what they share divided among them (PSS)."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    pids = [str(supervisor), *children]
    return {pid: _pss_mb(Path("/proc") / pid) for pid in pids}


def _pss_mb(process: Path) -> float:
    for line in (process / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"{process} tells no memory")
