"""The model of support that a project's runs use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import Problem, ProjectError, UserError
from orchestrator.project.schema import Project

if TYPE_CHECKING:
    from orchestrator.evidence.scoring.model import SupportModel


def project_model(project: Project) -> SupportModel:
    """The one that mesh.yaml names under `checking.support`, or else the shipped one.

    Raises:
        ProjectError: the file holds no such model.
    """
    from orchestrator.evidence.scoring.model import SupportModel, shipped

    if not project.support:
        return shipped()
    try:
        return SupportModel.from_json(project.support)
    except UserError as error:
        raise ProjectError([_problem(project, str(error))]) from None


def _problem(project: Project, message: str) -> Problem:
    from pathlib import Path

    file = str(Path(project.root) / (project.settings.checking.support or ""))
    return Problem(file=file, message=message, code="broken-support")
