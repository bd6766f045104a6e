"""A small valid project that uses every key, and the means to spoil it at a known place."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from orchestrator.errors import Problem, ProjectError
from orchestrator.project.declared import Declared
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.load import LoadedProject, load_project
from orchestrator.project.policy_schema import Policy
from orchestrator.project.refreshed_schema import Refreshed
from orchestrator.project.registry import Registry
from orchestrator.project.schema import Agent, Graph, Settings
from orchestrator.project.suite_schema import Suite

Path_ = tuple[str | int, ...]
Files = dict[str, Any]

CLASSES: dict[str, type[Declared]] = {
    "mesh.yaml": Settings,
    "fleet.yaml": Fleet,
    "fleet.refreshed.yaml": Refreshed,
    "policy.yaml": Policy,
    "agents/writer.md": Agent,
    "agents/planner.md": Agent,
    "graphs/main.yaml": Graph,
    "evals/smoke.yaml": Suite,
}

_FILES: Files = {
    "mesh.yaml": {
        "storage": {
            "path": ".mesh",
            "database": "postgresql://127.0.0.1/mesh",
            "keep_days": {
                "traces": 90,
                "runs": 30,
                "threads": 365,
                "ledger": 400,
                "vectors": 60,
                "incidents": 30,
                "backups": 7,
                "audit": 3650,
                "by_class": {"public": 30},
            },
            "max_mb": 2000,
        },
        "embedder": "static",
        "python": ["names.py"],
        "default_graph": "main",
        "gateway": {
            "host": "127.0.0.1",
            "port": 8700,
            "workers": 2,
            "body_mb": 5,
            "unknown_parameters": "refuse",
            "sources": {"handbook": ["names.py"]},
            "log": "json",
            "metrics": "open",
        },
        "telemetry": {
            "service_name": "sales",
            "otlp": {
                "endpoint": "http://127.0.0.1:4318/v1/traces",
                "headers": {"x-key": "OTLP_KEY"},
                "timeout_ms": 5000,
            },
        },
        "shared": {"url": "redis://127.0.0.1:6379/0", "name": "sales", "when_gone": "refuse"},
        "checking": {"support": "support.json"},
        "feedback": {"per_day": 50},
        "approvals": {
            "hours": 12.5,
            "webhook": "http://127.0.0.1:9/approvals",
            "secret": "APPROVALS_SECRET",
        },
        "audit": {
            "anchor": {
                "file": "../heads.jsonl",
                "command": ["logger", "-t", "mesh"],
                "syslog": True,
                "url": "https://example.org/heads",
                "key": "AUDIT_KEY",
                "public_key": "public",
                "every": 100,
                "minutes": 10,
            }
        },
        "environment": "staging",
        "tools": {
            "http_get": {
                "hosts": ["api.example.com", "*.example.org", "docs.example.net:8443"],
                "plain_http": ["*.example.org"],
                "loopback": False,
                "max_kb": 100,
                "timeout_s": 5,
            },
            "search_sources": ["docs"],
            "mcp": {
                "files": {
                    "command": "files-server",
                    "args": ["--root", "docs"],
                    "env": ["FILES_KEY"],
                    "levels": {"read_file": "read", "delete_file": "destructive"},
                    "default_level": "write",
                    "only": ["read_file", "delete_file"],
                    "environments": ["staging"],
                    "hosted": False,
                    "data_class": "public",
                    "timeout_s": 20,
                },
                "weather": {
                    "url": "https://weather.example.org/mcp",
                    "headers": {"X-Key": "WEATHER_KEY"},
                },
            },
        },
        "calls": {
            "hedge_share": 0.1,
            "queue": 20,
            "breaker": {
                "failures": 4,
                "error_rate": 0.6,
                "window_ms": 30000,
                "min_calls": 20,
                "open_ms": 2000,
                "open_at_most_ms": 20000,
                "ramp_ms": 5000,
                "refused_key_ms": 60000,
            },
            "incidents": {"webhook": "https://example.org/hook"},
        },
        "deadline_ms": 60000,
    },
    "fleet.yaml": {
        "models": {
            "sonnet": {
                "family": "anthropic",
                "tier": "mid",
                "context": 200000,
                "max_output": 8000,
                "tasks": {"draft": 0.9, "*": 0.5},
                "can": ["json", "tools"],
                "tools": ["search", "files__read_file"],
                "reads": "values",
                "deployments": [
                    {
                        "id": "direct",
                        "via": "litellm",
                        "model": "anthropic/some",
                        "key": "ANTHROPIC_API_KEY",
                        "params": {"api_version": "2026-01-01"},
                        "hosting": "hosted",
                        "region": "eu",
                        "retention_days": 30,
                        "trains_on_data": False,
                        "certifications": ["soc2"],
                        "price": {
                            "input": 3,
                            "output": 15.5,
                            "cache_read": 0.3,
                            "cache_write": 3.75,
                            "audio_input": 10,
                            "audio_output": 20,
                            "reasoning": 15.5,
                            "per_image": 0.04,
                            "long": [
                                {
                                    "above": 200000,
                                    "input": 6,
                                    "output": 22.5,
                                    "cache_read": 0.6,
                                    "cache_write": 7.5,
                                    "audio_input": 20,
                                    "audio_output": 40,
                                    "reasoning": 22.5,
                                }
                            ],
                        },
                        "first_token_ms": 500,
                        "timeouts": {
                            "connect_ms": 2000,
                            "first_token_ms": 9000,
                            "between_tokens_ms": 5000,
                        },
                        "limits": {
                            "requests_per_minute": 60,
                            "tokens_per_minute": 90000,
                            "concurrent": 8,
                        },
                        "tokens_per_second": 60,
                        "prompt_tokens_per_second": 900.5,
                        "discover": False,
                    },
                    {
                        "id": "near",
                        "via": "openai",
                        "model": "some",
                        "endpoint": "http://127.0.0.1:1/v1",
                        "hosting": "self",
                    },
                ],
            },
            "tiny": {
                "family": "smollm",
                "tier": "nano",
                "deployments": [
                    {"id": "local", "via": "llamacpp", "weights": "tiny", "hosting": "self"},
                    {
                        "id": "judge",
                        "via": "encoder",
                        "weights": "tiny-judge",
                        "encoder": {
                            "kind": "pairs",
                            "labels": {"complaint": ["Something is broken."]},
                            "outputs": {"LABEL_1": "supported"},
                            "threshold": 0.5,
                        },
                        "hosting": "self",
                    },
                ],
            },
            "echo": {
                "tier": "nano",
                "deployments": [
                    {"id": "here", "via": "builtin", "function": "echo", "hosting": "self"}
                ],
            },
        }
    },
    "fleet.refreshed.yaml": {
        "asked": "2026-11-21",
        "deployments": {
            "sonnet/direct": {
                "listed": True,
                "context": 100000,
                "price": {"input": 3.0, "output": 15.0},
                "retires": "2027-01-31",
            },
        },
        "offers": {"anthropic": ["claude-sonnet-4-5"]},
    },
    "policy.yaml": {
        "data_classes": ["public", "internal", "secret"],
        "default_data_class": "internal",
        "detect": {
            "personal": "secret",
            "secrets": "secret",
            "kinds": {"national-id": "secret"},
            "patterns": {
                "customer": {
                    "pattern": "C-[0-9]{6}",
                    "data_class": "secret",
                    "confidence": 0.9,
                },
            },
            "confidence": 0.6,
        },
        "risk": {
            "personal": "normal",
            "secrets": "medium",
            "contradiction": "high",
            "injection": "high",
            "destructive": "low",
        },
        "objective": {
            "minimize": "cost",
            "quality_floor": 0.6,
            "below_floor": "best",
            "checking": "scorer",
        },
        "routes": [
            {
                "name": "first",
                "match": {
                    "task": ["draft", "chat"],
                    "data_class": "secret",
                    "risk": ["normal", "high"],
                    "domain": "law",
                    "tags": ["a"],
                    "interactive": True,
                },
                "require": {
                    "hosting": "self",
                    "regions": ["eu"],
                    "retention_days": 0,
                    "trains_on_data": False,
                    "certifications": ["soc2"],
                    "models": ["sonnet", "tiny"],
                    "not_models": ["echo"],
                    "not_families": ["smollm"],
                    "providers": 1,
                },
                "quality_floor": 0.7,
                "below_floor": "refuse",
                "latency_ms": 2500,
                "max_cost_usd": 0.05,
                "checking": "two",
                "independence": "required",
                "cross_validate": "refuse",
                "primary": "sonnet",
                "fallbacks": ["tiny", "echo"],
                "prefer_regions": ["eu"],
                "strategy": {"kind": "race", "models": 2, "start": "after_p95"},
                "cache": {"mode": "semantic", "error_rate": 0.01, "ttl_s": 3600, "per": "user"},
                "call": {
                    "temperature": 0.2,
                    "max_tokens": 500,
                    "reasoning_effort": "low",
                    "guardrails": ["polite"],
                },
                "redact": {"before": "hosted", "kinds": ["email"], "give_back": "all"},
                "unsafe": {"filter": "local", "found": "review"},
                "injection": "refuse",
                "store_prompts": "redacted",
                "store_outputs": "hashed",
                "store_tool_args": "none",
            },
            {"name": "second", "strategy": {"kind": "panel", "agree": 2}},
            {"name": "third", "strategy": {"kind": "cascade", "confidence": 0.8}},
            {"name": "fourth", "strategy": {"kind": "auto", "error_usd": 0.05}},
        ],
        "budgets": [
            {
                "per": "workspace",
                "match": {
                    "workspace": ["here", "there"],
                    "user": "ana",
                    "user_tier": "free",
                    "key": ["k1"],
                    "feature": "search",
                    "tags": ["a"],
                },
                "usd": 50,
                "window": "day",
                "soft": 40.5,
            },
            {"per": "project", "match": {"model": "sonnet"}, "usd": 90, "window": "month"},
        ],
        "tools": [
            {
                "name": "careful",
                "match": {
                    "tool": ["search", "files__delete_file"],
                    "server": "files",
                    "level": ["write", "destructive"],
                    "environment": "staging",
                    "data_class": "public",
                    "risk": "high",
                    "tags": ["a"],
                },
                "then": "approve",
                "double_check": True,
                "calls_per_minute": 6,
                "timeout_s": 2.5,
                "max_output_chars": 1000,
            }
        ],
        "limits": [
            {
                "per": "user",
                "match": {
                    "workspace": "a",
                    "user": "b",
                    "user_tier": ["free", "paid"],
                    "key": "c",
                    "feature": "d",
                    "tags": ["e"],
                },
                "requests_per_minute": 30,
                "tokens_per_minute": 50000,
            }
        ],
    },
    "agents/writer.md": {
        "description": "Writes.",
        "role": "generator",
        "task": "draft",
        "needs": ["json"],
        "output": "letter",
        "output_tokens": 300,
        "risk": "normal",
        "tools": ["search"],
        "steps": 4,
        "call": {
            "temperature": 0,
            "max_tokens": 400,
            "reasoning_effort": "none",
            "guardrails": ["polite"],
        },
        "valid": {
            "sql": "postgres",
            "read_only": True,
            "statements": 2,
            "pattern": "(?s).+",
            "min_chars": 10,
            "max_chars": 2000,
        },
    },
    "agents/planner.md": {
        "description": "Plans.",
        "task": "plan",
        "valid": {"json_schema": {"properties": {"steps": {}}}, "check": "brief"},
    },
    "graphs/main.yaml": {
        "description": "Plan, work, write.",
        "input": {
            "question": "text",
            "sources": "paths?",
            "count": "number?",
            "conversation": "turns?",
        },
        "nodes": {
            "found": {"tool": "search", "with": {"query": "question", "limit": 5}},
            "plan": {"agent": "planner", "of": "question"},
            "work": {"each": "plan.subtasks", "agent": "subtask.specialist", "from": ["found"]},
            "draft": {
                "agent": "writer",
                "from": ["work", "found", "conversation"],
                "when": "is_long",
                "latency_ms": 9000,
                "usd": 0.05,
            },
            "check": {"agent": "planner", "of": "draft", "family": "other-than draft"},
            "verdict": {
                "function": "judge",
                "from": ["draft", "check"],
                "to": {"revise": "draft", "done": "answer"},
                "at_most": 2,
            },
            "approval": {"ask": "May it be sent?", "of": "verdict"},
            "answer": {"function": "merge", "from": ["verdict", "approval"]},
        },
        "output": "answer",
    },
    "evals/smoke.yaml": {
        "description": "Runs.",
        "graph": "main",
        "repetitions": 2,
        "pass_at_least": 0.9,
        "options": {
            "data_class": "public",
            "risk": "low",
            "tags": ["a"],
            "budget_usd": 0.5,
            "deadline_ms": 9000,
        },
        "defaults": {
            "tags": ["quick"],
            "input": {"count": 2},
            "expect": {"quotes_exact": True},
        },
        "cases": [
            {
                "name": "why",
                "tags": ["reasons"],
                "input": {"question": "Why?", "sources": ["docs"], "count": 3},
                "expect": {
                    "verdict": ["accepted", "revised"],
                    "contains": ["because"],
                    "not_contains": ["perhaps"],
                    "matches": "^It is",
                    "number": {"value": 3, "unit": "days", "tolerance": 0.5},
                    "cites": ["docs/reasons.txt"],
                    "quotes_exact": False,
                    "max_cost_usd": 0.1,
                    "max_ms": 5000,
                    "checks": ["polite"],
                },
                "known_failing": "Nobody knows.",
            },
            {"input": {"question": "Who?"}, "expect": {"verdict": "accepted"}},
        ],
    },
    "docs/reasons.txt": "Because it is so.\n",
    "support.json": "{}\n",
    "names.py": (
        "from orchestrator.project.registry import function\n\n\n"
        "@function('merge')\n"
        "def merge(inputs):\n"
        "    return 1\n"
    ),
}

BODY = "Write about {{ question }}.\n"


def valid() -> Files:
    """The files by name: YAML as data, Python as text. A fresh copy each time."""
    return copy.deepcopy(_FILES)


def names() -> Registry:
    """What the sample needs, without the library's own parts."""
    registry = Registry()
    for transport in ("litellm", "openai", "llamacpp", "builtin", "encoder"):
        registry.add("transport", transport, object())
    registry.add("builtin", "echo", object())
    registry.add("function", "judge", object())
    registry.add("tool", "search", object())
    registry.add("condition", "is_long", object())
    registry.add("output model", "letter", object())
    registry.add("check", "polite", object())
    registry.add("check", "brief", lambda _text: None)
    for role in ("generator", "specialist"):
        registry.add("role", role, object())
    return registry


def write(root: Path, files: Mapping[str, Any]) -> dict[str, dict[Path_, tuple[int, int]]]:
    """Write the files. By file and key path: line and column of the value; `(*path, KEY)` its key.

    A text is written as it is, data as block-style YAML.
    """
    places: dict[str, dict[Path_, tuple[int, int]]] = {}
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
            continue
        front = name.endswith(".md")
        emitter = Emitter(first_line=2 if front else 1)
        emitter.mapping(content, (), 0)
        text = "\n".join(emitter.lines) + "\n"
        path.write_text(f"---\n{text}---\n{BODY}" if front else text, encoding="utf-8")
        places[name] = emitter.places
    return places


KEY = "\0key"


class Emitter:
    """Block-style YAML, with the place of every key and value; shares nothing with the parser."""

    def __init__(self, first_line: int) -> None:
        self.lines: list[str] = []
        self.places: dict[Path_, tuple[int, int]] = {}
        self._first = first_line

    def mapping(self, data: Mapping[str, Any], path: Path_, indent: int, lead: str = "") -> None:
        """Each key on a line of its own; `lead` (`- `) stands before the first."""
        for key, value in data.items():
            start = lead or " " * indent
            lead = ""
            text = json.dumps(key) if key == "*" else key
            here = (*path, key)
            self.places[(*here, KEY)] = (self._line, len(start) + 1)
            if isinstance(value, dict | list) and value:
                self.lines.append(f"{start}{text}:")
                self.places[here] = (self._line, indent + 3)
                self._nested(value, here, indent + 2)
            else:
                self.places[here] = (self._line, len(start) + len(text) + 3)
                self.lines.append(f"{start}{text}: {json.dumps(value)}")

    @property
    def _line(self) -> int:
        return self._first + len(self.lines)

    def _nested(self, value: Any, path: Path_, indent: int) -> None:
        if isinstance(value, dict):
            self.mapping(value, path, indent)
            return
        for index, item in enumerate(value):
            here = (*path, index)
            self.places[here] = (self._line, indent + 3)
            if isinstance(item, dict) and item:
                self.mapping(item, here, indent + 2, lead=" " * indent + "- ")
            else:
                self.lines.append(f"{' ' * indent}- {json.dumps(item)}")


def load(root: Path, **options: Any) -> LoadedProject:
    """Load without the library's own names and defaults, and with an empty environment."""
    given: dict[str, Any] = {
        "env": {},
        "builtins": (),
        "registry": names(),
        "defaults": root / "no-defaults",
    }
    return load_project(root, **given | options)


def problems_of(root: Path, **options: Any) -> tuple[Problem, ...]:
    """The problems of a project that does not load; none where it does."""
    try:
        load(root, **options)
    except ProjectError as error:
        return error.problems
    return ()


def spoiled(root: Path, files: Files, **options: Any) -> tuple[Problem, ...]:
    """Write, load, and return the problems."""
    write(root, files)
    return problems_of(root, **options)


def changed(file: str, path: Path_, value: Any) -> Files:
    """The sample with one value replaced or, where there was none, added."""
    files = valid()
    inner: Any = files[file]
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return files


def without(file: str, path: Path_) -> Files:
    """The sample with one key removed."""
    files = valid()
    inner: Any = files[file]
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return files


def levels(
    cls: type[BaseModel], data: Any, path: Path_ = ()
) -> Iterator[tuple[Path_, type[BaseModel]]]:
    """Every mapping in `data` whose keys a declared class fixes, with that class."""
    yield path, cls
    for name, field in cls.model_fields.items():
        key = field.alias or name
        if key not in data:
            continue
        for inner in classes_in(field.annotation):
            value = data[key]
            if isinstance(value, list):
                for index, item in enumerate(value):
                    yield from levels(inner, item, (*path, key, index))
            elif _direct(field.annotation):
                yield from levels(inner, value, (*path, key))
            else:
                for item in value:
                    yield from levels(inner, value[item], (*path, key, item))


def classes_in(annotation: Any) -> list[type[BaseModel]]:
    """The declared classes that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [cls for arg in get_args(annotation) for cls in classes_in(arg)]


def _direct(annotation: Any) -> bool:
    """Whether the value itself is of the class, and not a table of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return not _is_table(annotation) and any(_direct(arg) for arg in get_args(annotation))


def _is_table(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is dict or any(
        _is_table(arg) for arg in get_args(annotation) if not isinstance(arg, str)
    )


def shown(path: Path_) -> str:
    """`routes[0].name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def keys_of(cls: type[BaseModel]) -> list[str]:
    """The keys that a file may set."""
    return sorted(
        field.alias or name
        for name, field in cls.model_fields.items()
        if not (isinstance(field.json_schema_extra, dict) and "from" in field.json_schema_extra)
    )
