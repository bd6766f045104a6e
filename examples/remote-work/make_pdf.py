"""Make `sources/works-council-agreement.pdf`: run it after changing the text below.

The same text gives the same bytes, so that a change of the PDF is a change of its text.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

TARGET = Path(__file__).parent / "sources" / "works-council-agreement.pdf"

TITLE = "Works Agreement on Remote Work"

PREAMBLE = (
    "between Brandt & Nilsen GmbH, Lübeck, represented by its management, and the works council "
    "of Brandt & Nilsen GmbH. Signed on 20 February 2026."
)

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "§ 1 Purpose and scope",
        (
            "This agreement settles the conditions of remote work. It applies to all employees of "
            "the company with the exception of executive staff. It also applies to employees on "
            "fixed-term contracts.",
            "The parties want to make work and private life easier to combine, to keep the "
            "teams together, and to protect employees from work without limits.",
        ),
    ),
    (
        "§ 2 Voluntary nature",
        (
            "Remote work is voluntary for both sides. There is no claim to it, but every "
            "application is decided fairly and by the same criteria.",
            "An employee who declines or ends remote work suffers no disadvantage. The "
            "workplace on the company's premises is kept for each employee; desk sharing may be "
            "introduced only in teams that agree to it by a majority.",
        ),
    ),
    (
        "§ 3 Working time",
        (
            "The law on working time and the collective agreement apply without change. Working "
            "time is recorded by the employees themselves. The company may not draw "
            "conclusions about working time from the sign-in data of its systems.",
            "There is a right to be unreachable outside the agreed working time. Managers send no "
            "messages that expect an answer on the same evening or at the weekend.",
        ),
    ),
    (
        "§ 4 Performance and conduct",
        (
            "Technical systems are not used to monitor the performance or conduct of employees. "
            "Software that takes screenshots, counts keystrokes or measures presence is "
            "prohibited. New software for remote work is introduced only with the consent of the "
            "works council, which is informed at least six weeks in advance.",
        ),
    ),
    (
        "§ 5 Costs",
        (
            "The company bears the cost of the work equipment. For the running costs at home "
            "employees receive the allowance that is named in the remote-work handbook. The "
            "allowance may not be lowered during the term of this agreement.",
            "The allowance is reviewed every two years, for the first time in January 2028, with "
            "the consumer price index as a guide.",
        ),
    ),
    (
        "§ 6 Access to the home",
        (
            "The employer, the safety specialist and the data protection officer enter the home "
            "only with the employee's consent. A member of the works council may take part in "
            "a visit if the employee so wishes.",
        ),
    ),
    (
        "§ 7 Liability",
        (
            "For damage to company property at the home workspace employees are liable only in "
            "cases of intent and gross negligence. The same holds for damage caused by members "
            "of the household. In cases of gross negligence liability is limited to one "
            "month's gross salary.",
        ),
    ),
    (
        "§ 8 Settling disputes",
        (
            "If the manager and the employee cannot agree on an application, on the days of remote "
            "work or on its end, a joint committee decides. It has four members, two named by "
            "the management and two named by the works council, and it meets within three weeks "
            "of the complaint.",
            "If the committee is divided, the conciliation board under the works constitution law "
            "decides.",
        ),
    ),
    (
        "§ 9 Information of the works council",
        (
            "Each quarter the company informs the works council of the number of applications, of "
            "refusals and of the reasons for them. Once a year both sides evaluate remote work "
            "with an anonymous survey of all employees.",
        ),
    ),
    (
        "§ 10 Entry into force and notice",
        (
            "This agreement enters into force on 1 March 2026 and replaces all earlier "
            "arrangements on working from home. It may be ended by either side with three "
            "months' notice to the end of a year, for the first time on 31 December 2027. "
            "It remains in effect until a new agreement replaces it.",
        ),
    ),
)


def main(target: Path = TARGET) -> None:
    """Write the PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.lib.units import cm
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

    styles = getSampleStyleSheet()
    body = styles["BodyText"]
    body.fontSize, body.leading, body.spaceAfter = 11, 15, 6
    story = [Paragraph(TITLE, styles["Title"]), Paragraph(escape(PREAMBLE), body), Spacer(1, 12)]
    for number, (heading, paragraphs) in enumerate(SECTIONS, start=1):
        if number == 6:
            story.append(PageBreak())
        story.append(Paragraph(heading, styles["Heading2"]))
        story.extend(Paragraph(escape(text), body) for text in paragraphs)
    margin = 2.5 * cm
    SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
        title=TITLE,
        author="Brandt & Nilsen GmbH",
        invariant=1,
    ).build(story)


if __name__ == "__main__":
    main()
