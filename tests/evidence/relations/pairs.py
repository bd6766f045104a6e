"""Claims that tie a number or a name to the wrong thing, and true ones that say it otherwise."""

from __future__ import annotations

SWAPPED: tuple[tuple[str, str], ...] = (
    (
        "The bridge opened in 1887.",
        "Work on the bridge began in 1887. The bridge opened in 1893 with a parade.",
    ),
    (
        "The tower has 340 floors.",
        "The tower is 340 metres high. It has 82 floors and 14 lifts.",
    ),
    (
        "The library holds 12,000 maps.",
        "The library holds 45,000 books and 3,200 maps. About 12,000 people visit it each year.",
    ),
    (
        "Adults pay 5 euros for a ticket.",
        "A ticket is 12 euros for adults. Children pay 5 euros for a ticket.",
    ),
    (
        "The ferry leaves at 18:30.",
        "The ferry leaves at 7:15 every morning. It comes back at 18:30.",
    ),
    (
        "The company was founded in 2004.",
        "The company was founded in 1978 by two brothers. It moved to Lyon in 2004.",
    ),
    (
        "Unemployment fell to 12 percent.",
        "Unemployment fell to 6 percent, while inflation rose to 12 percent.",
    ),
    (
        "The team scored 31 goals at home.",
        "The team scored 18 goals at home and 31 goals away.",
    ),
    (
        "Bake the bread for 20 minutes.",
        "Let the dough rest for 20 minutes. Bake the bread for 45 minutes.",
    ),
    (
        "The mine employs 4,100 people.",
        "The mine employs 900 people. It produced 4,100 tonnes of copper last year.",
    ),
    (
        "The lake is 210 metres deep.",
        "The lake is 38 metres deep and lies 210 metres above the sea.",
    ),
    (
        "Registration closes on 30 June.",
        "Registration closes on 12 May. The conference begins on 30 June.",
    ),
    (
        "The director of the museum is Maria Lind.",
        "The director of the museum is Peter Novak. Its treasurer is Maria Lind.",
    ),
    (
        "Anna Berg wrote the report.",
        "Carl Holm wrote the report last year. Anna Berg took the photographs.",
    ),
    (
        "The festival takes place in Porto.",
        "The festival takes place in Lisbon. Its office is in Porto.",
    ),
    (
        "The plant was built by Siemens.",
        "The plant was built by Bosch and later sold to Siemens.",
    ),
    (
        "Nadia Petrova trains the swimmers.",
        "Jonas Weber trains the swimmers, and Nadia Petrova manages the budget of the club.",
    ),
    (
        "The river Oder flows through the old town.",
        "The river Neisse flows through the old town. The Oder is thirty miles away.",
    ),
    (
        "The album was recorded in Berlin.",
        "The album was recorded in Dublin and mixed in Berlin.",
    ),
    (
        "The capital of the province is Arden.",
        "The capital of the province is Belmont. Its largest port is Arden.",
    ),
)
EXCHANGED: tuple[tuple[str, str], ...] = (
    ("In the final Chicago defeated Boston.", "In the final Boston defeated Chicago by two goals."),
    (
        "Last year Nokia bought Siemens.",
        "Last year Siemens bought Nokia for four billion dollars.",
    ),
    (
        "According to the police, Martin Reed attacked Paul Stone.",
        "The police said that Paul Stone attacked Martin Reed outside a bar.",
    ),
    (
        "In 1870 France was invaded by Prussia.",
        "In 1870 Prussia was invaded by France after a quarrel.",
    ),
    (
        "For ten years Elena Rossi taught Marco Conti.",
        "For ten years Marco Conti taught Elena Rossi to paint.",
    ),
    (
        "The mayor of Oslo visited Madrid in May.",
        "The mayor of Madrid visited Oslo in May.",
    ),
    (
        "The minister said that Norway owes Sweden money.",
        "The minister said that Sweden owes Norway money.",
    ),
    (
        "On Friday Rosa Lopez sued the Herald.",
        "On Friday the Herald sued Rosa Lopez over a contract.",
    ),
    (
        "The judge found that Alan Webb deceived Karen Dole.",
        "The judge found that Karen Dole deceived Alan Webb.",
    ),
    (
        "The book says that Caesar killed Brutus.",
        "The book says that Brutus killed Caesar.",
    ),
)
TRUE: tuple[tuple[str, str], ...] = (
    (
        "The bridge opened in 1893.",
        "Work on the bridge began in 1887. The bridge opened in 1893 with a parade.",
    ),
    ("It has 82 floors.", "The tower is 340 metres high. It has 82 floors and 14 lifts."),
    (
        "There are 3,200 maps in the library.",
        "The library holds 45,000 books and 3,200 maps. About 12,000 people visit it each year.",
    ),
    (
        "Children pay 5 euros.",
        "A ticket is 12 euros for adults. Children pay 5 euros for a ticket.",
    ),
    (
        "The ferry comes back at 6:30 pm.",
        "The ferry leaves at 7:15 every morning. It comes back at 18:30.",
    ),
    (
        "In 2004 the company moved to Lyon.",
        "The company was founded in 1978 by two brothers. It moved to Lyon in 2004.",
    ),
    (
        "Inflation rose to 12 percent.",
        "Unemployment fell to 6 percent, while inflation rose to 12 percent.",
    ),
    (
        "Away from home, the team scored 31 goals.",
        "The team scored 18 goals at home and 31 goals away.",
    ),
    (
        "The bread is baked for 45 minutes.",
        "Let the dough rest for 20 minutes. Bake the bread for 45 minutes.",
    ),
    (
        "The mine has 900 employees.",
        "The mine employs 900 people. It produced 4,100 tonnes of copper last year.",
    ),
    (
        "The depth of the lake is 38 metres.",
        "The lake is 38 metres deep and lies 210 metres above the sea.",
    ),
    (
        "The conference begins on 30 June.",
        "Registration closes on 12 May. The conference begins on 30 June.",
    ),
    (
        "Peter Novak is the museum's director.",
        "The director of the museum is Peter Novak. Its treasurer is Maria Lind.",
    ),
    (
        "The report was written by Carl Holm.",
        "Carl Holm wrote the report last year. Anna Berg took the photographs.",
    ),
    (
        "The festival's office is in Porto.",
        "The festival takes place in Lisbon. Its office is in Porto.",
    ),
    (
        "Bosch built the plant.",
        "The plant was built by Bosch and later sold to Siemens.",
    ),
    (
        "The swimmers are trained by Jonas Weber.",
        "Jonas Weber trains the swimmers, and Nadia Petrova manages the budget of the club.",
    ),
    (
        "The album was mixed in Berlin.",
        "The album was recorded in Dublin and mixed in Berlin.",
    ),
    (
        "Belmont is the capital of the province.",
        "The capital of the province is Belmont. Its largest port is Arden.",
    ),
    (
        "In the final Chicago was defeated by Boston.",
        "In the final Boston defeated Chicago by two goals.",
    ),
    (
        "Last year Nokia was bought by Siemens.",
        "Last year Siemens bought Nokia for four billion dollars.",
    ),
    (
        "Paul Stone attacked Martin Reed.",
        "The police said that Paul Stone attacked Martin Reed outside a bar.",
    ),
    (
        "For ten years Elena Rossi was taught by Marco Conti.",
        "For ten years Marco Conti taught Elena Rossi to paint.",
    ),
    (
        "In May the mayor of Madrid visited Oslo.",
        "The mayor of Madrid visited Oslo in May.",
    ),
    (
        "Sweden owes Norway money, the minister said.",
        "The minister said that Sweden owes Norway money.",
    ),
    (
        "The firm has offices in Rome, Vienna and Prague.",
        "The firm has offices in Prague, Rome and Vienna.",
    ),
    (
        "Tea, coffee and juice cost 2, 3 and 4 euros.",
        "Tea costs 2 euros, coffee 3 euros and juice 4 euros.",
    ),
    (
        "The treaty was signed by Spain and Portugal.",
        "Portugal and Spain signed the treaty.",
    ),
    (
        "Sales were 1.2 million euros in 2019.",
        "In 2019 sales came to 1,200,000 euros; in 2020 they came to 900,000 euros.",
    ),
    (
        "Two-thirds of the members voted.",
        "About 67 percent of the members voted, and 33 percent stayed at home.",
    ),
    (
        "Ms Haddad leads the laboratory.",
        "Amina Haddad leads the laboratory. Louis Martin leads the workshop.",
    ),
    (
        "The line was opened on 3 March 1921.",
        "The line was opened on March 3, 1921, and closed on 1 May 1968.",
    ),
)
