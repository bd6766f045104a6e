"""Suites of cases: run them, judge the answers, keep the results, compare two runs."""
