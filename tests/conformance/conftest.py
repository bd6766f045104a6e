"""Failed asserts of the suites show both sides."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("orchestrator.testing")
