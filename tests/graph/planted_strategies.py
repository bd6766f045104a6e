"""More rows for the table of planted mistakes: strategies of routes."""

from __future__ import annotations

from tests.graph.planted_rows import FLEET, MESH, POLICY, Edit, Row, row

_AT = "    fallbacks: [gpt]\n"
_SECOND = """\
        price: {input: 3, output: 15}
      - id: other
        via: litellm
        model: anthropic/of-the-test
        key: ANTHROPIC_API_KEY
        hosting: hosted
        region: us-east
        retention_days: 30
        trains_on_data: false
        certifications: [soc2]
        price: {input: 3, output: 15}
"""


def strategy(text: str, route: str = _AT) -> Edit:
    """The route `drafts`, which both models may serve, with this strategy in line 12."""
    return (POLICY, _AT, f"{route}    strategy: {text}\n")


# fmt: off
STRATEGY_ROWS: tuple[Row, ...] = (
    row("a misspelt strategy", strategy("cascad"), at="policy.yaml:12:15", code="not-allowed",
        says="this is not one of the allowed values", help="cascade"),
    row("a misspelt kind of strategy", strategy("{kind: raec}"), at="policy.yaml:12:22",
        code="not-allowed", says="this is not one of the allowed values", help="race"),
    row("a misspelt key of a strategy", strategy("{kind: race, modles: 2}"),
        at="policy.yaml:12:28", code="unknown-key", says="unknown key", help="models"),
    row("a strategy without a kind", strategy("{models: 2}"), at="policy.yaml:12:5",
        code="missing-key", says="the key 'kind' is missing", help="single, cascade, race, panel"),
    row("a race of one", strategy("{kind: race, models: 1}"), at="policy.yaml:12:36",
        code="out-of-range", says="the number is out of range", help="a whole number from 2 to 9"),
    row("a key of another strategy", strategy("{kind: cascade, agree: 2}"),
        at="policy.yaml:12:31", code="misplaced-key", says="'agree' goes only with kind: panel",
        help="remove 'agree', or use kind: panel"),
    row("a number of models for a cascade", strategy("{kind: cascade, models: 2}"),
        at="policy.yaml:12:31", code="misplaced-key",
        says="'models' goes only with kind: race or kind: panel",
        help="remove 'models', or use kind: race or kind: panel"),
    row("a panel of which more must agree than there are", strategy("{kind: panel, models: 2, "
        "agree: 3}"), at="policy.yaml:12:47", code="agree-beyond-models",
        says="more must agree than are asked", help="from 2 to 2, or more models"),
    row("a panel with fewer models than members", strategy("panel"), at="policy.yaml:12:15",
        code="panel-of-too-few", warning=True, says="too few models may serve for this panel",
        help="more models that may serve, or models: 2"),
    row("a race with fewer deployments than members", strategy("{kind: race, models: 3}"),
        at="policy.yaml:12:15", code="race-of-too-few", warning=True,
        says="too few deployments may serve for this race",
        help="more deployments that may serve, or models: 2"),
    row("a race of one provider",
        (FLEET, "        price: {input: 3, output: 15}\n", _SECOND),
        (POLICY, "{certifications: [soc2]}", "{certifications: [soc2], models: [sonnet]}"),
        strategy("race", ""), at="policy.yaml:11:15", code="race-of-one-provider", warning=True,
        says="whoever takes part in this race depends on one provider", help="a deployment at"),
    row("a cascade over one model",
        (POLICY, "{certifications: [soc2]}", "{certifications: [soc2], models: [sonnet]}"),
        strategy("cascade", ""), at="policy.yaml:11:15", code="cascade-of-too-few", warning=True,
        says="nobody better is left for this cascade to go to",
        help="a better model that may serve, or strategy: single"),
    row("a hedge where nothing may be hedged", strategy("{kind: race, start: after_p95}"),
        (MESH, "deadline_ms: 60000\n", "deadline_ms: 60000\ncalls: {hedge_share: 0}\n"),
        at="policy.yaml:12:35", code="hedge-without-share", warning=True,
        says="nothing is ever asked a second time", help="start: together, or a hedge_share"),
    row("a misspelt region that is preferred",
        (POLICY, _AT, f"{_AT}    prefer_regions: [us-east, eu-wset]\n"), at="policy.yaml:12:31",
        code="unknown-region", warning=True, says="no deployment states this region",
        help="eu-west"),
)
# fmt: on
