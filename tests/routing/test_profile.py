"""The profile: what is declared wins, what is guessed says how sure it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.embedding.load import load_embedder
from orchestrator.project.schema import Agent
from orchestrator.routing.profile import Profiler
from orchestrator.types import Constraints, TaskProfile

PROFILER = Profiler(load_embedder("static"))
FEATURES = {
    "task", "complexity", "domain", "language", "output", "input_tokens", "output_tokens",
    "data_class", "risk", "interactive", "needs",
}  # fmt: skip
ORIGINS = {"declared", "agent", "rule", "embedding", "default"}

# Prompts with the task that a person would name. The prototypes and the rules were written with
# `KNOWN` in view. `HELD_OUT` was written after both were frozen and measured once (38 of 40); a
# prompt that is used to change a rule or a prototype has to move to `KNOWN`. All come from the
# author of the rules, so ten-fold cross-validation of the prototypes (0.73) is the sober number.
KNOWN: tuple[tuple[str, str], ...] = (
    ("Hi there!", "chat"),
    ("What is the tallest mountain in Europe?", "chat"),
    ("How does a heat pump work?", "chat"),
    ("Draft a remote-work policy for 120 employees.", "draft"),
    ("Write a short thank-you note to our supplier in Lyon.", "draft"),
    ("Please translate the following into German: the shop is closed.", "draft"),
    ("Extract every invoice number and amount from the mail below.", "extract"),
    ("Find all dates in this contract.", "extract"),
    ("Classify the following ticket as billing, technical or other.", "classify"),
    ("Is this message spam? 'You won a prize, click here'", "classify"),
    ("Summarise the attached report in five bullet points.", "summarize"),
    ("tl;dr please: the board met on Monday and agreed to postpone the launch.", "summarize"),
    ("Write a Python function that merges two sorted lists.", "code"),
    ("My script fails with KeyError: 'name'. What is wrong?", "code"),
    ("Write a SQL query for the number of orders per customer in 2024.", "sql"),
    ("Calculate the yearly cost of a 40 EUR monthly allowance for 120 employees.", "math"),
    ("What is 18% of 2,450?", "math"),
    ("Plan the office move in March, step by step.", "plan"),
    ("Check whether the claim is supported by the sources.", "check"),
    ("Where in the handbook does it say that overtime is paid?", "cite"),
    ("Merge the two drafts into one document.", "aggregate"),
    ("Fasse den folgenden Text in drei Sätzen zusammen.", "summarize"),
    ("Good morning, could you help me with something?", "chat"),
    ("Who invented the printing press?", "chat"),
    ("Why do cats purr?", "chat"),
    ("Compose an apology to a customer whose parcel was lost.", "draft"),
    ("I need a product description for a bamboo toothbrush.", "draft"),
    ("Rephrase this so that it sounds less harsh: your work is late again.", "draft"),
    ("List all people and organisations mentioned in the press release.", "extract"),
    ("Pull the delivery address and the order number from this email.", "extract"),
    ("Label each comment as praise, complaint or question.", "classify"),
    ("Which department should handle this request: my badge does not open the door?", "classify"),
    ("Give me the gist of the minutes in two sentences.", "summarize"),
    ("What are the key findings of this study?", "summarize"),
    ("Refactor this class so that it no longer uses global state.", "code"),
    ("Implement binary search in Rust with tests.", "code"),
    ("Select the ten customers with the highest revenue from the sales table.", "sql"),
    ("How much is 3 nights at 140 EUR plus 19% tax?", "math"),
    ("Solve 3x + 7 = 22 for x.", "math"),
    ("Break the website relaunch down into work packages.", "plan"),
    ("Create a roadmap for introducing single sign-on.", "plan"),
    ("Verify that the figures in the summary match the table.", "check"),
    ("Is it true that the warranty covers water damage? Compare with the terms.", "check"),
    ("Add references to every sentence of this paragraph.", "cite"),
    ("Combine the findings of the three teams into a single report.", "aggregate"),
    ("Yo, are you awake?", "chat"),
    ("Do penguins have knees?", "chat"),
    ("I had a rough day and just want to talk.", "chat"),
    ("What's the difference between a lease and a rental agreement?", "chat"),
    ("Could you put together a polite reminder for an overdue invoice?", "draft"),
    ("Turn these notes into a press release.", "draft"),
    ("Say this in Spanish: we open at nine.", "draft"),
    ("Make a LinkedIn post about our new office in Porto.", "draft"),
    ("Get me the names of the signatories from the agreement.", "extract"),
    ("Which medicines are named in this letter?", "extract"),
    ("From the log below, collect all IP addresses.", "extract"),
    ("Sort these complaints into shipping, quality and service.", "classify"),
    ("Positive, neutral or negative: 'The room was fine, I suppose.'", "classify"),
    ("Is the tone of this review angry or happy?", "classify"),
    ("Boil this article down to its essentials.", "summarize"),
    ("Can I have a two-line version of this email thread?", "summarize"),
    ("What happened in the meeting, in brief?", "summarize"),
    ("My React component re-renders endlessly, how do I stop it?", "code"),
    ("Give me a one-liner that reverses a string in Go.", "code"),
    ("Add type hints to this module.", "code"),
    ("How do I left join invoices to payments and keep the unpaid ones?", "sql"),
    ("Write a statement that deletes rows older than 90 days from the events table.", "sql"),
    ("What do 7 monitors at 249 EUR come to?", "math"),
    ("If a train covers 180 km in 2.5 hours, what is its average speed?", "math"),
    ("What's the monthly payment on 12000 EUR over 24 months without interest?", "math"),
    ("We want to open a branch in Vienna by autumn. What has to be done, in what order?", "plan"),
    ("Set out a study timetable for the next six weeks.", "plan"),
    ("Are these two statements compatible with each other?", "check"),
    ("Did I get the dates right in this biography?", "check"),
    ("Back up each sentence with a source from the handbook.", "cite"),
    ("On which page is the refund period given?", "cite"),
    ("Here are four partial answers; give me one without repetitions.", "aggregate"),
)

HELD_OUT: tuple[tuple[str, str], ...] = (
    ("Hey, quick question: which floor is the canteen on?", "chat"),
    ("Why is the sea salty?", "chat"),
    ("What does the abbreviation GDPR stand for?", "chat"),
    ("Can employees bring their dog to the office?", "chat"),
    ("Nice work, cheers!", "chat"),
    ("Write a farewell speech for a colleague who retires after 30 years.", "draft"),
    ("Draft a non-disclosure agreement between us and a freelancer.", "draft"),
    ("I would like an email to all tenants about the water being shut off on Tuesday.", "draft"),
    ("Translate our opening hours into Dutch.", "draft"),
    ("Make this paragraph friendlier.", "draft"),
    ("Extract the termination dates from these three contracts.", "extract"),
    ("What are the email addresses of the people in this thread?", "extract"),
    ("List the risks that the annual report mentions.", "extract"),
    ("Give me company, position and salary from the job advertisement below.", "extract"),
    ("Classify these support mails by product.", "classify"),
    ("Is this feedback about price, quality or delivery?", "classify"),
    ("Assign each of these expenses to a cost centre.", "classify"),
    ("Summarize the attached policy for a new employee.", "summarize"),
    ("Can you condense the interview to 200 words?", "summarize"),
    ("What are the main points of the CEO's letter?", "summarize"),
    ("Write a shell script that renames all photos by date.", "code"),
    ("Why do I get a segmentation fault in this C function?", "code"),
    ("Convert this callback code to async and await.", "code"),
    ("SQL for the average basket value per store and month, please.", "sql"),
    ("Which users in the users table have never placed an order? I need the query.", "sql"),
    ("Calculate the VAT on 1,299 EUR at 21 percent.", "math"),
    ("How much would 45 people at 12.50 EUR per lunch cost for 220 days?", "math"),
    ("What is the square root of 1764?", "math"),
    ("Plan a two-day offsite for 25 people in Ghent.", "plan"),
    ("What steps should we take to become ISO 27001 certified?", "plan"),
    ("Break down the launch of the new app into tasks for each team.", "plan"),
    ("Check if the quote in this article appears in the interview.", "check"),
    ("Does the invoice agree with the purchase order?", "check"),
    ("Is the claim that sales doubled correct according to the report?", "check"),
    ("Cite the clauses that deal with late payment.", "cite"),
    ("Which paragraph of the lease mentions pets?", "cite"),
    ("Give a source for every number in this text.", "cite"),
    ("Merge the feedback of Anna, Ben and Chloe into one document.", "aggregate"),
    ("Combine these subtask results into a final answer for the client.", "aggregate"),
    ("Consolidate the regional forecasts.", "aggregate"),
)


@pytest.mark.parametrize(("prompts", "least"), [(KNOWN, 0.9), (HELD_OUT, 0.8)])
def test_the_task(prompts: tuple[tuple[str, str], ...], least: float) -> None:
    wrong = [(p, t) for p, t in prompts if PROFILER.profile(p).task != t]
    assert 1 - len(wrong) / len(prompts) >= least, wrong


def test_the_confidence_in_a_task_is_earned() -> None:
    """Of the guesses that are called sure, nearly all are right; the wrong ones look unsure."""
    guesses = [(PROFILER.profile(p).features["task"], t) for p, t in (*KNOWN, *HELD_OUT)]
    sure = [feature.value == task for feature, task in guesses if feature.confidence >= 0.8]
    assert len(sure) > len(guesses) / 2
    assert sum(sure) / len(sure) > 0.95


@pytest.mark.parametrize(
    ("prompt", "domain"),
    [
        ("Draft a remote-work policy for our employees.", "hr"),
        ("Is the non-compete clause in this contract enforceable in court?", "legal"),
        ("What was our revenue and profit in the last quarter?", "finance"),
        ("Which dose of the medication should the patient take?", "medical"),
        ("How do plants make energy with photosynthesis?", "science"),
        ("A phishing attack leaked the passwords of the server.", "security"),
        ("Refactor this Python class.", "code"),
        ("Hello, how are you?", "general"),
    ],
)
def test_the_domain(prompt: str, domain: str) -> None:
    assert PROFILER.profile(prompt).domain == domain


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("How many days of leave do I have this year?", "en"),
        ("Why do cats purr?", "en"),
        ("Wie viele Urlaubstage habe ich in diesem Jahr und wie beantrage ich sie?", "de"),
        ("Combien de jours de congé est-ce que les employés ont dans une année ?", "fr"),
        ("¿Cuántos días de vacaciones tienen los empleados en el año y cómo se piden?", "es"),
        (
            "Quanti giorni di ferie sono previsti per i dipendenti e come si chiedono nel portale?",
            "it",
        ),
        ("Hoeveel vakantiedagen zijn er voor het personeel en hoe vraag je deze aan?", "nl"),
        ("Quantos dias de férias são previstos para os empregados e como não os perder?", "pt"),
        ("休暇は何日ありますか", "ja"),
        ("Сколько дней отпуска у меня есть?", "ru"),
    ],
)
def test_the_language(prompt: str, code: str) -> None:
    assert PROFILER.profile(prompt).language == code


@pytest.mark.parametrize(
    ("prompt", "output"),
    [
        ("Extract the parties and return valid JSON.", "json"),
        ("Show the prices as a table.", "table"),
        ("Give me the reasons in bullet points.", "list"),
        ("Calculate 3 * 14.", "number"),
        ("Write a Python function that adds.", "code"),
        ("Write a letter to my landlord.", "text"),
    ],
)
def test_the_structure_of_the_output(prompt: str, output: str) -> None:
    profile = PROFILER.profile(prompt)
    assert profile.output == output
    assert profile.needs == (("json",) if output == "json" else ())


@pytest.mark.parametrize(
    ("prompt", "least", "most"),
    [
        ("Summarise the report in three sentences.", 60, 110),
        ("Write an essay of 1000 words on rivers.", 1200, 1500),
        ("Draft two pages on our history.", 1100, 1500),
        ("Classify this ticket as billing or other.", 5, 30),
        ("Draft a letter to a customer.", 500, 900),
    ],
)
def test_the_length_that_is_asked_for(prompt: str, least: int, most: int) -> None:
    assert least <= PROFILER.profile(prompt).output_tokens <= most


def test_tokens_of_the_input() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 100
    assert 900 <= PROFILER.profile(text).input_tokens <= 1300
    assert 5002 <= PROFILER.profile("hello", extra_input_tokens=5000).input_tokens <= 5002 * 17 / 16
    assert PROFILER.profile("日本語" * 100).input_tokens >= 200


@pytest.mark.parametrize(
    ("prompt", "risk"),
    [
        ("I have chest pain, what should I take?", "high"),
        ("Can I take ibuprofen while pregnant?", "high"),
        ("Should I invest my savings in crypto?", "high"),
        ("Can I sue my landlord?", "high"),
        ("Draft a remote-work policy for 120 employees.", "normal"),
        ("What is the capital of Peru?", "normal"),
        ("Tell me a joke about penguins.", "low"),
    ],
)
def test_the_risk(prompt: str, risk: str) -> None:
    assert PROFILER.profile(prompt).risk == risk


def test_harder_requests_are_more_complex() -> None:
    simple, medium, hard = (
        PROFILER.profile(prompt).complexity
        for prompt in (
            "Hi!",
            "Draft a short note to the team about the new printer.",
            "Design a distributed rate limiter in Rust: compare three algorithms, analyse the "
            "trade-offs, prove that it never exceeds the limit, and include tests for edge cases; "
            "it must be thread-safe, without locks, and handle at least 10000 requests a second.",
        )
    )
    assert simple < medium < hard
    assert simple < 0.25
    assert hard > 0.75


def test_what_is_declared_wins_and_is_certain() -> None:
    constraints = Constraints(hosting="self")
    profile = PROFILER.profile(
        "Plan the move to another office.",
        task="plan",
        data_class="pii",
        risk="low",
        interactive=False,
        tags=("a", "b"),
        constraints=constraints,
    )
    declared = (profile.task, profile.data_class, profile.risk, profile.interactive)
    assert declared == ("plan", "pii", "low", False)
    assert (profile.tags, profile.constraints) == (("a", "b"), constraints)
    for name in ("task", "data_class", "risk", "interactive"):
        feature = profile.features[name]
        assert (feature.confidence, feature.origin) == (1.0, "declared")


def test_an_agent_says_what_it_needs() -> None:
    agent = Agent(
        description="Checks.",
        task="check",
        needs=("json", "cite"),
        output="verdicts",
        output_tokens=333,
        risk="high",
    )
    profile = PROFILER.profile("Write a poem as JSON.", agent=agent)
    assert (profile.task, profile.output, profile.output_tokens) == ("check", "json", 333)
    assert (profile.needs, profile.risk) == (("cite", "json"), "high")
    for name in ("task", "output", "output_tokens", "needs", "risk"):
        assert profile.features[name].origin == "agent"
    bare = Agent(description="Drafts.", task="draft")
    assert PROFILER.profile("Never answer as JSON.", agent=bare).needs == ()
    assert PROFILER.profile("x", agent=agent, task="draft", risk="low").risk == "high"


def check_features(profile: TaskProfile) -> None:
    assert set(profile.features) == FEATURES
    for name, feature in profile.features.items():
        assert 0 < feature.confidence <= 1
        assert feature.origin in ORIGINS
        assert feature.value == getattr(profile, name)
    assert 0 <= profile.complexity <= 1
    assert profile.input_tokens >= 0
    assert profile.output_tokens > 0


@given(text=st.text(max_size=300))
def test_any_text_has_a_whole_profile_and_always_the_same(text: str) -> None:
    profile = PROFILER.profile(text)
    check_features(profile)
    assert PROFILER.profile(text) == profile


def test_a_request_at_the_end_of_long_material_is_seen() -> None:
    material = "The river flows through the valley and the town. " * 400
    profile = PROFILER.profile(f"{material}\n\nSummarise this text in two sentences.")
    assert profile.task == "summarize"
    assert profile.output_tokens < 80
    check_features(profile)


def test_an_unclear_request_is_less_sure_than_a_clear_one() -> None:
    unclear = PROFILER.profile("the blue one, as before").features["task"]
    clear = PROFILER.profile("Summarise this report in three sentences.").features["task"]
    assert unclear.confidence < 0.6 < clear.confidence
    assert (unclear.origin, clear.origin) == ("embedding", "rule")


@pytest.mark.parametrize("text", ["What is 2 + 3 * 4?", "17 / 4 =", "how much is (2 + 3) ^ 2"])
def test_a_bare_formula_is_a_calculation(text: str) -> None:
    assert PROFILER.profile(text).task == "math"


def test_what_nobody_reads_is_not_looked_for_and_says_so() -> None:
    lean = Profiler(load_embedder("static"), unread=frozenset({"domain", "language", "complexity"}))
    text = "Vergleiche Schritt für Schritt die Nebenwirkungen dieser beiden Medikamente."
    found, whole = lean.profile(text, task="chat"), PROFILER.profile(text, task="chat")
    for name in ("domain", "language", "complexity"):
        assert found.features[name].origin == "unread"
        assert whole.features[name].origin != "unread"
    assert (found.language, whole.language) == ("en", "de")
    assert (found.risk, found.output_tokens) == (whole.risk, whole.output_tokens)


def test_a_risk_that_is_declared_counts_whoever_reads_it() -> None:
    lean = Profiler(load_embedder("static"), unread=frozenset({"risk"}))
    assert lean.profile("Hello", task="chat").features["risk"].origin == "unread"
    assert lean.profile("Hello", task="chat", risk="high").risk == "high"
