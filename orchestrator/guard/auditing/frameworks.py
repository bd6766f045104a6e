"""What rules and standards ask for of records, in our own words, and what answers it here.

Read against: Regulation (EU) 2024/1689 (AI Act), ISO/IEC 42001:2023 Annex A, NIST AI 100-1 (AI RMF
1.0), and the FEAT principles of the Monetary Authority of Singapore (2018). `answered` names
sections of the report, or commands.
"""

from __future__ import annotations

from typing import NamedTuple

_ACT = "EU AI Act"
_ISO = "ISO/IEC 42001"
_NIST = "NIST AI RMF"
_FEAT = "MAS FEAT"


class Requirement(NamedTuple):
    """Something that is asked for."""

    source: str
    place: str
    asks: str
    answered: str


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement(
        _ACT,
        "Art. 12(1)",
        "a high-risk system records events by itself over its lifetime",
        "the log itself; mesh audit verify shows that it is whole",
    ),
    Requirement(
        _ACT,
        "Art. 12(2)(a)",
        "events that point to a risk or to a substantial change of the system",
        "Risk that rose; Redactions, unsafe content, injections; Changes of the rules",
    ),
    Requirement(
        _ACT,
        "Art. 12(2)(b), 72",
        "what monitoring after it was put on the market needs",
        "Exceptions; How requests ended; mesh incidents",
    ),
    Requirement(
        _ACT,
        "Art. 12(2)(c), 26(5)",
        "what the deployer needs to monitor its operation",
        "Which model saw which data; Refusals; mesh trace why ID for each request",
    ),
    Requirement(
        _ACT,
        "Art. 19(1)",
        "providers keep these logs at least six months",
        "storage.keep_days.audit (unset: for ever); What was removed",
    ),
    Requirement(
        _ACT,
        "Art. 26(6)",
        "deployers keep the logs under their control at least six months",
        "storage.keep_days.audit; Gaps in the record",
    ),
    Requirement(
        _ACT,
        "Art. 14, 26(2)",
        "people oversee it, and can stop or overrule it",
        "Approvals: who, when, what; mesh runs cancel; mesh operations",
    ),
    Requirement(
        _ISO,
        "A.6.2.6",
        "operation and monitoring of the system are defined and recorded",
        "Rules in force; Exceptions; How requests ended",
    ),
    Requirement(
        _ISO,
        "A.6.2.8",
        "event logs are kept where the system is in use",
        "the log itself; Gaps in the record",
    ),
    Requirement(
        _ISO,
        "A.7.2, A.7.5",
        "data is managed, and where it went is known",
        "Which model saw which data; What was removed",
    ),
    Requirement(
        _ISO,
        "A.8.4",
        "incidents can be told to those concerned",
        "Exceptions; Gaps in the record; mesh incidents",
    ),
    Requirement(
        _ISO,
        "A.9.2, A.9.4",
        "it is used as intended, and by the rules",
        "Rules in force; Refusals; Approvals",
    ),
    Requirement(
        _ISO,
        "A.10.2, A.10.3",
        "what suppliers do is known and divided",
        "Which model saw which data: hosting, region, retention, training",
    ),
    Requirement(
        _NIST,
        "GOVERN 1.4, 1.5",
        "rules are written down, and reviewed on a plan",
        "Rules in force; Changes of the rules; mesh policy explain",
    ),
    Requirement(
        _NIST,
        "GOVERN 6.1, MAP 4.1",
        "risks of third parties' models and data are known",
        "Which model saw which data",
    ),
    Requirement(
        _NIST,
        "MAP 3.5",
        "oversight by people is defined and recorded",
        "Approvals",
    ),
    Requirement(
        _NIST,
        "MEASURE 2.4, 2.7",
        "behaviour in use, and security, are monitored",
        "Exceptions; Redactions, unsafe content, injections; Tools",
    ),
    Requirement(
        _NIST,
        "MEASURE 2.8",
        "who answers for what can be shown",
        "the log itself; Approvals; Changes of the rules",
    ),
    Requirement(
        _NIST,
        "MANAGE 4.1, 4.3",
        "incidents and recoveries are tracked",
        "Exceptions; Gaps in the record; mesh incidents",
    ),
    Requirement(
        _FEAT,
        "Accountability 5-8",
        "who approved the use, and who answers for it inside the firm",
        "Approvals; Changes of the rules, each with who",
    ),
    Requirement(
        _FEAT,
        "Accountability 9-11",
        "those concerned can ask about a decision and have it reviewed",
        "mesh trace why ID; mesh forget for erasure",
    ),
    Requirement(
        _FEAT,
        "Transparency 12-14",
        "what data led to a decision, and how, can be explained",
        "Which model saw which data; mesh trace why ID; mesh policy explain",
    ),
)

UNCOVERED: tuple[tuple[str, str], ...] = (
    (
        _ACT,
        "whether the use is high-risk; conformity, registration, technical file (Art. 9-11, 43)",
    ),
    (_ACT, "Art. 12(3), remote biometric identification: nothing here is made for it"),
    (_ACT, "telling workers and persons concerned that a system is used (Art. 26(7), 26(11), 50)"),
    (_ISO, "the management system itself: policy, roles, impact assessments (A.2 to A.5)"),
    (_NIST, "fairness and bias towards groups (MEASURE 2.11), environmental cost (MEASURE 2.12)"),
    (_FEAT, "Fairness 1-4: justification, accuracy and bias of what a model decides of persons"),
    (
        "all",
        "what a provider really does with data: region, retention and training are as declared",
    ),
    ("all", "what was done outside of the mesh, or by who could write to the host's memory"),
    ("all", "entries after the last head that went to a place of its own (mesh audit verify)"),
)
