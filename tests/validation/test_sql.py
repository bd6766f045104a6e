"""SQL that parses in its dialect passes; read-only SQL neither writes, defines nor locks."""

from __future__ import annotations

import logging

import pytest

from orchestrator.validation.sql import dialects, sql_in

READS = [
    "SELECT a, count(*) FROM b WHERE c > 1 GROUP BY a ORDER BY 2 DESC",
    "WITH x AS (SELECT 1 AS a) SELECT * FROM x",
    "(SELECT 1) UNION ALL SELECT 2",
    "VALUES (1, 'a')",
    "SELECT 1 -- a remark",
    "SELECT 1;",
]
WRITES = [
    "INSERT INTO a VALUES (1)",
    "UPDATE a SET b = 1",
    "DELETE FROM a",
    "MERGE INTO a USING b ON a.i = b.i WHEN MATCHED THEN DELETE",
    "TRUNCATE a",
    "DROP TABLE a",
    "CREATE TABLE a (b int)",
    "CREATE TABLE a AS SELECT 1",
    "ALTER TABLE a ADD COLUMN b int",
    "GRANT SELECT ON a TO b",
    "COPY a TO '/tmp/a'",
    "WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x",
    "SELECT * INTO b FROM a",
    "SELECT * FROM a FOR UPDATE",
    "EXPLAIN ANALYZE DELETE FROM a",
    "DO $$ BEGIN DELETE FROM a; END $$",
    "CALL p()",
    "SET a = 1",
    "BEGIN",
    "VACUUM",
]


@pytest.mark.parametrize("sql", [*READS, *WRITES])
def test_statements_pass_alone_and_in_a_fence(sql: str) -> None:
    check = sql_in("postgres")
    assert check(sql) == sql
    assert check(f"This does it:\n```sql\n{sql}\n```") == sql


@pytest.mark.parametrize("sql", READS)
def test_queries_are_read_only(sql: str) -> None:
    assert sql_in("postgres", read_only=True)(sql) == sql


@pytest.mark.parametrize("sql", WRITES)
def test_everything_else_is_not(sql: str) -> None:
    with pytest.raises(ValueError, match="only queries that read are allowed"):
        sql_in("postgres", read_only=True)(sql)


def test_a_write_cannot_hide_behind_a_query() -> None:
    with pytest.raises(ValueError, match="statement 2 is or holds DROP"):
        sql_in("postgres", read_only=True, statements=5)("SELECT 1; DROP TABLE a; SELECT 2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT FROM WHERE", "line 1, column 17"),
        ("SELECT a\nFROM b\nWHERE (c = 1", "line 3"),
        ("SELECT 'a", "tokeniz"),
        ("SELCT 1 FROM a", "line 1, column 7"),
        ("Here is", "no SQL statement"),
        ("Sorry", "no SQL statement"),
        ("42", "no SQL statement"),
        ("I cannot do that.", "not postgres SQL"),
        ("Sure! SELECT 1", "not postgres SQL"),
        ("", "holds no SQL statement"),
        ("-- only a remark", "holds no SQL statement"),
        ("SELECT 1; SELECT 2", "2 statements; at most 1"),
        ("```sql\nSELECT 1\n```\n```sql\nSELECT 2\n```", "2 code blocks"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "nested too deeply"),
        ("SELECT '" + "a" * 60_000 + "'", "at most 50,000"),
    ],
)
def test_what_is_no_sql_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        sql_in("postgres")(text)


def test_the_dialect_counts() -> None:
    assert sql_in("bigquery")("SELECT * FROM `a-b.c.d`")
    with pytest.raises(ValueError, match="not postgres SQL"):
        sql_in("postgres")("SELECT * FROM `a-b.c.d`")
    assert {"postgres", "sqlite", "mysql", "tsql", "bigquery"} <= set(dialects())


def test_a_statement_known_by_its_first_word_alone_is_no_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG, "sqlglot"):
        assert sql_in("postgres")("VACUUM FULL a")
    assert caplog.records == []
