"""Encoders in the process: classifiers and cross-encoders as specialist models.

Like a builtin, an encoder reads the request's inputs and not its prompt, and answers with the
JSON that the role expects: `_encoding` says which. The weights are loaded when first used, in a
thread, once a process. Work goes through the model in a thread and in batches; between two of them
a cancelled call stops, so that a deadline costs at most one batch more.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, cast

from orchestrator.call_types import (
    Answering,
    CallEvent,
    CallRequest,
    Finish,
    Progress,
    TextDelta,
    UsageReport,
)
from orchestrator.calling.transports._encoding import Rows, answer
from orchestrator.embedding.local_models import BiEncoder, Judge, LocalModel, bi_encoder, judge
from orchestrator.embedding.weights import find_folder, local_folder
from orchestrator.errors import AttemptError, PrerequisiteError
from orchestrator.money import Usage
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment, Encoder, Outcome

if TYPE_CHECKING:
    import numpy as np

BATCH = 16
"""Texts or pairs that go through the model at once: about 0.1 s of MiniLM on one core."""


@transport("encoder")
class EncoderTransport:
    """Runs the weights that the deployment names (`target`), as its `encoder` says."""

    def __init__(self, _registry: Registry, env: Mapping[str, str], _clock: Clock) -> None:
        self._env = env
        self._turns: dict[str, asyncio.Lock] = {}

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """See `protocols.Transport`. Waits for the weights and for its turn."""
        spec = deployment.encoder
        if spec is None:
            raise AttemptError(Outcome.INVALID_REQUEST, f"{deployment.id} declares no `encoder`")
        yield Progress("waiting")
        async with self._turns.setdefault(deployment.target, asyncio.Lock()):
            model = await self._model(deployment.target, spec)
            yield Progress("ready")
            work = _Work(model, spec)
            try:
                text = await asyncio.to_thread(work.run, request.inputs)
            except ValueError as error:  # this input is nothing for it
                raise AttemptError(Outcome.INVALID_OUTPUT, str(error)) from error
            except (KeyError, TypeError) as error:  # a role of the project's own may send anything
                named = f"the inputs are not of the expected form: {type(error).__name__}: {error}"
                raise AttemptError(Outcome.INVALID_OUTPUT, named) from error
            except (RuntimeError, IndexError) as error:  # torch's own, of weights that do not fit
                raise AttemptError(Outcome.MALFORMED, f"the weights failed: {error}") from error
            finally:
                work.stopped.set()
        yield TextDelta(text)
        yield Answering(model=model.name)
        yield UsageReport(usage=Usage(input=work.tokens))
        yield Finish("stop")

    async def _model(self, target: str, spec: Encoder) -> LocalModel:
        try:
            return await asyncio.to_thread(_load, target, spec, self._env)
        except PrerequisiteError as error:
            here = not isinstance(find_folder(target, self._env), str)
            outcome = Outcome.INVALID_REQUEST if here else Outcome.UNREACHABLE
            raise AttemptError(outcome, str(error)) from error

    async def close(self) -> None:
        """Nothing to close: what is loaded serves the whole process."""


class _Work:
    """One request's way through the model, in a thread; counts what the model reads."""

    def __init__(self, model: LocalModel, spec: Encoder) -> None:
        self._model, self._spec = model, spec
        self.tokens = 0
        self.stopped = threading.Event()

    def run(self, inputs: Mapping[str, Any]) -> str:
        return json.dumps(answer(self._spec, self._model, inputs, self._scores), ensure_ascii=False)

    def _scores(self, rows: Rows) -> np.ndarray:
        """One line of scores, or one vector, for each row."""
        import numpy as np

        # Rows of one length go together, so that little is padding.
        order = sorted(range(len(rows)), key=lambda n: sum(map(len, rows[n])))
        parts = []
        for start in range(0, len(order), BATCH):
            if self.stopped.is_set():
                raise AttemptError(Outcome.CANCELLED, "the caller stopped the call")
            parts.append(self._batch([rows[n] for n in order[start : start + BATCH]]))
        found = np.concatenate(parts)
        result = np.empty_like(found)
        result[order] = found
        return result

    def _batch(self, rows: Rows) -> np.ndarray:
        self.tokens += self._model.tokens(rows)
        if isinstance(self._model, BiEncoder):
            return self._model.vectors([text for (text,) in rows])
        return cast(Judge, self._model).scores(rows)


def _load(target: str, spec: Encoder, env: Mapping[str, str]) -> LocalModel:
    folder = local_folder(target, env)
    return bi_encoder(folder) if spec.kind == "similarity" else judge(folder, spec.kind)
