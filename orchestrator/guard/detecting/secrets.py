"""Secrets of known shapes: keys, tokens, private keys and passwords, as their makers write them.

Sources: what the providers say of the form of their keys.
"""

from __future__ import annotations

import re

from orchestrator.guard.detecting.shapes import Shape

LEFT = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"
"""Where a word begins, also behind a line break that is written as two characters."""
_HINT = re.compile(
    # Each alternative begins with a rare letter, so that all others are passed over at once.
    rb"-----BEGIN |A(?:KIA|SIA|BIA|CCA|Iza|TATT3|GE-SECRET-KEY-)|J(?<=eyJ)|xox|://|SG\.|Q~"
    rb"|b(?i:earer )|B(?i:earer )|\.slack\.com/services/|:AA|EAAA|9\.(?<=ya29\.)|v[sb]\.(?<=hv.\.)"
    rb"|Key=|pi(?<=dapi)[0-9a-f]|ic (?i:(?<=authorization: basic ))"
    rb"|-(?:(?<=[sr]k-)|(?<=mesh-)|(?<=xapp-)|(?<=GOCSPX-)|(?<=pypi-)|(?<=NRAK-)|(?<=xai-)"
    rb"|(?<=pplx-)|(?<=key-)|(?<=gl(?:[pr]at|ptt|cbt|imt)-)|(?<=gl[dr]t-)|(?<=glsoat-)"
    rb"|(?<=glagent-)|(?<=sq0(?:atp|csp)-))"
    rb"|_(?:(?<=[sr]k_)|(?<=gh[pousr]_)|(?<=github_pat_)|(?<=hf_)|(?<=npm_)|(?<=whsec_)"
    rb"|(?<=shp(?:at|ca|pa|ss)_)|(?<=dckr_)|(?<=do[opr]_)|(?<=gl(?:sa)_)|(?<=glc_)|(?<=lin_)"
    rb"|(?<=ntn_)|(?<=gsk_)|(?<=r8_)|(?<=fw_))"
)
"""A part of every secret below, in a tenth of the time that looking for all would take."""


def may_hold_secret(encoded: bytes) -> bool:
    """Whether texts in UTF-8 must be looked at closely; what else stands between does no harm."""
    return _HINT.search(encoded) is not None


def _key(detail: str, source: str, *hints: str, kind: str = "key", sure: float = 0.99) -> Shape:
    return Shape(kind, detail, LEFT + source, hints, sure)


def _token(detail: str, source: str, *hints: str) -> Shape:
    return _key(detail, source, *hints, kind="token")


def _secret_key(value: str) -> float:
    """`sk-…`, which many providers use, and some words begin with."""
    rest = value[3:]
    known = re.match(r"(?:proj|ant|svcacct|admin|or|live|test|lf)[-_]", rest)
    digit, upper = any(map(str.isdigit, rest)), any(map(str.isupper, rest))
    if known or (len(rest) >= 20 and digit) or (len(rest) >= 32 and upper):
        return 0.99
    if digit and len(rest) >= 12 and not re.search(r"[-_]", rest):
        return 0.8
    # Names like `sk_buff_head` are not sure enough to count, and are not stored all the same.
    return 0.3


SHAPES: tuple[Shape, ...] = (
    Shape(
        "private-key",
        "",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[\s\S]{0,16000}?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[\s\S]{0,16000})",
        ("-----begin ",),
    ),
    Shape("key", "", LEFT + r"[sr]k[-_][A-Za-z0-9_-]{8,}", ("k-", "k_"), judge=_secret_key),
    _key("aws", r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9])", "akia", "asia", "abia", "acca"),
    _key("google", r"AIza[A-Za-z0-9_-]{30,}", "aiza"),
    _key("google", r"GOCSPX-[A-Za-z0-9_-]{20,}", "gocspx-"),
    _token("google", r"ya29\.[A-Za-z0-9_-]{20,}", "ya29."),
    _key("mesh", r"mesh-[a-z0-9]{10}[A-Za-z0-9]{30,}", "mesh-"),
    Shape(
        "key", "azure", r"(?:Account|SharedAccess)Key=(?P<v>[A-Za-z0-9+/]{40,88}={0,2})", ("key=",)
    ),
    Shape("key", "azure", r"(?<![\w~.-])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}", ("q~",)),
    _token("github", r"(?:gh[pousr]|github_pat)_[A-Za-z0-9_]{16,}", "gh", "github_"),
    _token("gitlab", r"gl(?:pat|ptt|dt|rt|soat|cbt|imt|agent)-[A-Za-z0-9_-]{16,}", "gl"),
    _token("huggingface", r"hf_[A-Za-z0-9_-]{16,}", "hf_"),
    _token("npm", r"npm_[A-Za-z0-9_-]{16,}", "npm_"),
    _token("python packages", r"pypi-[A-Za-z0-9_-]{50,}", "pypi-"),
    _token("slack", r"(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}", "xox", "xapp-"),
    Shape(
        "token",
        "slack",
        r"(?<=hooks\.slack\.com/services/)T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}",
        ("hooks.slack.com/",),
    ),
    _key("stripe", r"whsec_[A-Za-z0-9+/=]{20,}", "whsec_"),
    _key("sendgrid", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{30,64}", "sg."),
    _key("mailgun", r"key-[0-9a-f]{32}(?![A-Za-z0-9])", "key-"),
    _token("shopify", r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}", "shp"),
    _token("square", r"(?:sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}|EAAA[A-Za-z0-9_-]{60})", "sq0", "eaaa"),
    _token("telegram", r"\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])", ":aa"),
    _token("docker", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", "dckr_"),
    _token("digitalocean", r"do[opr]_v1_[a-f0-9]{64}", "_v1_"),
    _token("databricks", r"dapi[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])", "dapi"),
    _token("grafana", r"gl(?:sa|c)_[A-Za-z0-9+/_=]{32,}", "gl"),
    _key("new relic", r"NRAK-[A-Z0-9]{27}", "nrak-"),
    _key("linear", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}", "lin_"),
    _token("notion", r"ntn_[A-Za-z0-9]{40,}", "ntn_"),
    _token("atlassian", r"ATATT3[A-Za-z0-9_=-]{50,}", "atatt3"),
    _token("vault", r"hv[bs]\.[A-Za-z0-9_-]{24,}", "hv"),
    _key(
        "models",
        r"(?:gsk_|xai-|pplx-|r8_|fw_)[A-Za-z0-9]{20,}",
        "gsk_",
        "xai-",
        "pplx-",
        "r8_",
        "fw_",
    ),
    _key("age", r"AGE-SECRET-KEY-1[A-Z0-9]{58}", "age-secret-key-"),
    _token("jwt", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "eyj"),
    Shape(
        "token",
        "bearer",
        r"(?i:(?<=\bbearer ))(?=[^\s\d]*\d|\S{20})[A-Za-z0-9._~+/=-]{8,}",
        ("bearer ",),
        0.95,
    ),
    Shape(
        "password",
        "basic",
        r"(?i:(?<=authorization: basic ))[A-Za-z0-9+/]{8,}={0,2}",
        ("authorization: basic ",),
    ),
    Shape("password", "url", r"(?<=://)[^\s/:@]{1,64}:[^\s/@]{1,128}(?=@)", ("://",)),
)
