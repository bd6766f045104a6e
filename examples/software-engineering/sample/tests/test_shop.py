"""Events, accounts and pages."""

import sqlite3

from shop import accounts, web
from shop.customers import Customer
from shop.events import handle

KOFI = Customer("Kofi", years=3)


def test_a_cancelled_order_is_paid_back() -> None:
    assert handle("order.cancelled", KOFI, 500) == "Kofi gets 5.00 EUR"


def test_a_payment_is_logged() -> None:
    assert handle("bank.paid", KOFI, 500) == "Kofi paid 5.00 EUR"


def test_an_account_is_found() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE accounts (id INTEGER, name TEXT)")
    database.execute("INSERT INTO accounts VALUES (1, 'Kofi')")
    assert accounts.find(database, "Kofi") == [(1, "Kofi")]
    database.close()


def test_a_password_is_compared() -> None:
    stored = accounts.password_hash("correct horse")
    assert web.login({"password": "correct horse"}, stored)
    assert not web.login({"password": "battery staple"}, stored)
