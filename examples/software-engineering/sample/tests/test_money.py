"""What customers pay."""

import pytest
from shop.billing import LEDGER, charge
from shop.customers import Customer
from shop.orders import place, total
from shop.subscriptions import fee, renew

NEW, LOYAL = Customer("Ines"), Customer("Kofi", years=3)


@pytest.mark.parametrize(
    ("prices", "customer", "cents"),
    [
        ([5_000], NEW, 5_490),
        ([5_000], LOYAL, 4_990),
        ([9_000, 9_000], NEW, 17_590),
        ([9_000, 9_000], LOYAL, 15_790),
    ],
)
def test_an_order_costs(prices: list[int], customer: Customer, cents: int) -> None:
    assert total(prices, customer) == cents


@pytest.mark.parametrize(("months", "customer", "cents"), [(1, NEW, 900), (12, LOYAL, 9_180)])
def test_a_subscription_costs(months: int, customer: Customer, cents: int) -> None:
    assert fee("basic", months, customer) == cents


def test_what_is_charged_stands_in_the_ledger() -> None:
    LEDGER.clear()
    assert charge(NEW, 900) == "Ines pays 9.00 EUR"
    assert place([5_000], LOYAL) == "Kofi pays 49.90 EUR"
    assert renew("basic", 1, NEW) == "Ines pays 9.00 EUR"
    assert NEW.spent() == 1_800


def test_nothing_cannot_be_charged() -> None:
    with pytest.raises(ValueError, match="nothing to charge"):
        charge(NEW, 0)
