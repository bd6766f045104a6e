"""Calls of tools that wait for a person: the list, and each with its buttons.

Who may not write sees the command instead of the buttons. A form holds a mark that only a page of
ours can have put there, for this visitor and this approval: a page of another site can have a
browser send a form, and cannot read one.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import KeyRefusedError, MeshError, UnknownNameError, UserError
from orchestrator.graph.approving import Approval, Decision
from orchestrator.storage.operations import os_user
from orchestrator.viewer.forms import read_form
from orchestrator.viewer.pages import HEADERS, Asked, NavEntry, ViewerState, failed, page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

NAV = NavEntry(key="approvals", label="Approvals", path="/approvals")
_LONGEST = 200_000
"""Bytes of the form, which may hold arguments."""
_SHOWN = 100


def routes(state: ViewerState) -> list[Route]:
    """The pages."""
    from starlette.routing import Route

    async def answered(request: Request) -> Response:
        try:
            said = await read_form(request, longest=_LONGEST, fields=6)
        except KeyRefusedError as error:
            base = request.scope.get("root_path", "").rstrip("/")
            return failed(state, base, _nobody(), error.status, str(error))
        return await page(state, lambda asked: answer(asked, said))(request)

    return [
        Route("/approvals", page(state, listed), methods=["GET"]),
        Route("/approvals/{id}", page(state, shown), methods=["GET"]),
        Route("/approvals/{id}", answered, methods=["POST"]),
    ]


def listed(asked: Asked) -> Response:
    """What waits, and what was said lately; without arguments."""
    found = [one for one in _all(asked) if _sees(asked, one)]
    return asked.render(
        "approvals.html",
        title="Approvals",
        here="approvals",
        waiting=[one for one in found if one.state == "waiting"],
        others=[one for one in found if one.state != "waiting"],
    )


def shown(asked: Asked) -> Response:
    """One in full."""
    return _page(asked, _one(asked))


def answer(asked: Asked, said: Mapping[str, str]) -> Response:
    """What the form says of it."""
    from starlette.responses import RedirectResponse

    found = _one(asked)
    if not asked.visitor.writes:
        raise KeyRefusedError("this key may look, and not decide", status=403, code="not_allowed")
    if not hmac.compare_digest(_mark(asked, found), said.get("mark", "")):
        raise KeyRefusedError(
            "this form was not made by a page of ours; open it again", status=403, code="no_mark"
        )
    verb = said.get("answer", "")
    try:
        if verb not in ("approve", "reject", "edit"):
            raise UserError("say approve, reject, or approve with other arguments")
        decision = Decision(
            approve=verb != "reject",
            by=(asked.visitor.name and f"key:{asked.visitor.name}") or os_user(),
            because=said.get("because", "").strip(),
            arguments=_arguments(said) if verb == "edit" else None,
            through="viewer",
        )
        asked.mesh.approvals.decide(found.id, decision)
    except MeshError as error:
        return _page(asked, _one(asked), str(error), said, status=409)
    return RedirectResponse(f"{asked.base}/approvals/{found.id}", 303, dict(HEADERS))


def _arguments(said: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(said.get("arguments", ""))
    except ValueError as error:
        raise UserError(f"the arguments are no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError("the arguments must be a JSON object, with all that the tool takes")
    return found


def _page(
    asked: Asked,
    found: Approval,
    problem: str = "",
    said: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    given = json.dumps(found.wanted.act.arguments, ensure_ascii=False, indent=2)
    ruling = found.ruling
    return asked.render(
        "approval.html",
        status=status,
        title=f"{found.wanted.act.tool} · approval",
        here="approvals",
        one=found,
        arguments=given,
        edited=json.dumps(ruling.arguments, ensure_ascii=False, indent=2)
        if ruling and ruling.edited
        else "",
        typed=(said or {}).get("arguments") or given,
        because=(said or {}).get("because", ""),
        problem=problem,
        mark=_mark(asked, found) if asked.visitor.writes else "",
    )


def _all(asked: Asked) -> list[Approval]:
    if not (asked.mesh.storage / "journal.sqlite").exists():
        return []
    return asked.mesh.approvals.list(limit=_SHOWN)


def _one(asked: Asked) -> Approval:
    """The one of the path, where the visitor may see it.

    Raises:
        UnknownNameError: there is none, or it is of another workspace; which, nobody learns.
    """
    id = str(asked.path["id"])
    if not (asked.mesh.storage / "journal.sqlite").exists():
        raise UnknownNameError("approval", id, ())
    try:
        found = asked.mesh.approvals.get(id)
    except UnknownNameError:
        raise UnknownNameError("approval", id, ()) from None
    if not _sees(asked, found):
        raise UnknownNameError("approval", id, ())
    return found


def _sees(asked: Asked, one: Approval) -> bool:
    if asked.visitor.workspace is None:
        return True
    try:
        asked.trace(one.wanted.act.run)
    except UserError:
        return False
    return True


def _mark(asked: Asked, one: Approval) -> str:
    return asked.mesh.journals.mark(["form", asked.visitor.name, one.id])


def _nobody() -> Any:
    from orchestrator.viewer.door import Visitor

    return Visitor()
