"""The whole way: a configuration is read, translated, checked by loading it, and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orchestrator.errors import ProjectError, UserError
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.load import default_root, load_project
from orchestrator.project.policy_schema import Policy
from orchestrator.scaffold.files import Written, write_files
from orchestrator.scaffold.from_litellm.deployments import translate
from orchestrator.scaffold.from_litellm.endpoints import Secrets
from orchestrator.scaffold.from_litellm.models import Model, grouped
from orchestrator.scaffold.from_litellm.reading import read_config
from orchestrator.scaffold.from_litellm.report import Report
from orchestrator.scaffold.from_litellm.settings import (
    Wishes,
    credentials_of,
    read_sections,
    routes_of,
)
from orchestrator.scaffold.from_litellm.writing import fleet_text, policy_text


@dataclass(frozen=True, slots=True)
class Imported:
    """A configuration in our own words."""

    models: tuple[Model, ...]
    report: Report
    files: Mapping[str, bytes]
    """`fleet.yaml` and `policy.yaml`, which load."""

    def write(self, folder: Path, *, force: bool = False) -> Written:
        """Write the files.

        Raises:
            UserError: files are in the way and `force` is not said, or the disk refuses.
        """
        return write_files(folder, self.files, force=force)


def import_litellm(config: Path) -> Imported:
    """Translate a LiteLLM proxy configuration. litellm itself is not imported.

    The fleet gets the default project's deterministic models too, and the policy its rules that
    name no model, so that the default agents and graphs work with it.

    Raises:
        ProjectError: the configuration cannot be read or is none.
        UserError: it names no model that a fleet can hold, or what came of it does not load.
    """
    read = read_config(config)
    report = Report()
    credentials = credentials_of(read, report)
    secrets = Secrets(report)
    found = [translate(entry, credentials, secrets) for entry in read.entries]
    base = load_project(default_root(), env={}).project
    fixed = {name: model for name, model in base.fleet.models.items() if model.family is None}
    models = grouped([one for one in found if one is not None], report, tuple(fixed))
    wishes = read_sections(read.sections, report)
    routes = routes_of(wishes, models.groups, report)
    if not models.models:
        raise _nothing(report)
    kept = Fleet(models=fixed)
    policy = _policy(base.policy, wishes, routes)
    files = {
        "fleet.yaml": fleet_text(config.name, models.models, plain(kept)["models"]).encode(),
        "policy.yaml": policy_text(config.name, policy).encode(),
    }
    _check(files)
    return Imported(models.models, report, files)


def plain(declared: Fleet | Policy) -> dict[str, Any]:
    """What a file must say to declare this: no defaults."""
    said: dict[str, Any] = declared.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return said


def _policy(base: Policy, wishes: Wishes, routes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The default project's policy with the imported routes first; its own preferences go."""
    said = plain(base)
    rules = [
        route
        for route, declared in zip(said.get("routes", ()), base.routes, strict=True)
        if not (declared.primary or declared.fallbacks or declared.require.models)
    ]
    said["objective"] = {**said.get("objective", {}), "minimize": wishes.minimize}
    said["routes"] = [*routes, *rules]
    budgets = [b for b in said.get("budgets", ()) if not wishes.budget or b["per"] == "run"]
    said["budgets"] = [*budgets, *([wishes.budget] if wishes.budget else [])]
    return said


def _nothing(report: Report) -> UserError:
    error = UserError("nothing was written: the configuration names no model that a fleet can hold")
    for note in report.of("left"):
        error.add_note(f"{note.place}: {note.why}; {note.do}")
    return error


def _check(files: Mapping[str, bytes]) -> None:
    """Load what came of it, beside the default project's other files.

    Raises:
        UserError: it does not load; nothing was written.
    """
    with TemporaryDirectory(prefix="mesh-import-") as folder:
        for place, content in files.items():
            (Path(folder) / place).write_bytes(content)
        try:
            load_project(folder, env={})
        except ProjectError as error:
            said = "\n".join(str(p).replace(f"{folder}/", "") for p in error.problems)
            raise UserError(
                f"nothing was written, for the result does not load:\n{said}"
            ) from error
