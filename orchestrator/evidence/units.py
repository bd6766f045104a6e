"""Units as people write them: of money, time, weight, length, … and what each is worth."""

from __future__ import annotations

from decimal import Decimal

CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "$": "USD", "usd": "USD",
    "us$": "USD", "dollar": "USD", "dollars": "USD", "£": "GBP", "gbp": "GBP", "pound": "GBP",
    "pounds": "GBP", "quid": "GBP", "¥": "JPY", "jpy": "JPY", "yen": "JPY", "chf": "CHF",
    "franc": "CHF", "francs": "CHF", "₹": "INR", "inr": "INR", "rupee": "INR", "rupees": "INR",
    "sek": "SEK", "nok": "NOK", "dkk": "DKK", "pln": "PLN", "zł": "PLN", "zloty": "PLN",
    "zlotys": "PLN", "czk": "CZK", "kč": "CZK", "cny": "CNY", "yuan": "CNY", "renminbi": "CNY",
    "cad": "CAD", "aud": "AUD", "nzd": "NZD", "huf": "HUF", "forint": "HUF", "forints": "HUF",
    "rub": "RUB", "rouble": "RUB", "roubles": "RUB", "ruble": "RUB", "rubles": "RUB",
    "brl": "BRL", "reais": "BRL", "zar": "ZAR", "rand": "ZAR", "krw": "KRW", "baht": "THB",
    "crown": "crown", "crowns": "crown", "krona": "crown", "kronor": "crown", "krone": "crown",
    "kroner": "crown", "kr": "crown", "koruna": "crown", "peso": "peso", "pesos": "peso",
    "lira": "lira", "cent": "cent", "cents": "cent", "¢": "cent",
}  # fmt: skip
"""By every way to write it. A name that several countries share stands for itself."""
COINS: dict[str, tuple[str, Decimal]] = {
    "penny": ("GBP", Decimal("0.01")), "pence": ("GBP", Decimal("0.01")),
}  # fmt: skip
_THOUSANDTH, _HUNDREDTH = Decimal("0.001"), Decimal("0.01")
_SPELLED = {
    "percent": "%|percent|per cent|per-cent|percentage point|percentage|pct",
    "second": "second sec", "minute": "minute min mins", "hour": "hour hr hrs", "day": "day",
    "week": "week wk", "month": "month", "year": "year yr",
    "gram": "g gram gramme gm", "litre": "l litre liter ltr", "metre": "m metre meter",
    "mile": "mile mi", "foot": "foot feet ft", "inch": "inch", "yard": "yard yd",
    "byte": "byte", "bit": "bit", "celsius": "°c|degrees celsius|degree celsius|degrees centigrade"
    "|degree centigrade|degrees c|degree c|deg c|celsius|centigrade",
    "fahrenheit": "°f|degrees fahrenheit|degree fahrenheit|degrees f|degree f|deg f|fahrenheit",
    "kelvin": "kelvin", "degree": "° degree deg", "hertz": "hz hertz", "watt": "w watt",
    "kwh": "kwh|kilowatt hour|kilowatt-hour", "volt": "volt", "ampere": "ampere amp",
    "joule": "joule", "calorie": "calorie cal", "bar": "bar", "decibel": "db|db(a)|decibel",
    "newton metre": "newton metre|newton-metre|newton meter", "pascal": "pascal",
    "ounce": "ounce oz", "gallon": "gallon gal", "pint": "pint", "point": "point",
    "square metre": "m²|m2|sqm|sq m|sq. m|square metre|square meter",
    "square foot": "ft²|sq ft|sq. ft|square foot|square feet", "hectare": "hectare ha",
    "acre": "acre", "square mile": "square mile|sq mi|sq. mi",
    "cubic metre": "m³|m3|cubic metre|cubic meter|cbm",
    "km/h": "km/h|kmh|kph|km per hour|kilometres per hour|kilometers per hour|kilometres an hour"
    "|kilometers an hour",
    "mile/h": "mph|miles per hour|miles an hour", "m/s": "m/s|metres per second|meters per second",
    "knot": "knot", "rpm": "rpm|revolutions per minute", "dpi": "dpi", "pixel": "pixel px",
}  # fmt: skip
"""By unit, how it is written: parted by spaces, or by `|` where a way holds a space."""
_MULTIPLES: dict[str, tuple[str, int | Decimal]] = {
    "decade": ("year", 10), "century": ("year", 100), "centuries": ("year", 100),
    "fortnight": ("week", 2), "ms": ("second", _THOUSANDTH), "millisecond": ("second", _THOUSANDTH),
    "mg": ("gram", _THOUSANDTH), "milligram": ("gram", _THOUSANDTH),
    "mcg": ("gram", Decimal("0.000001")), "µg": ("gram", Decimal("0.000001")),
    "microgram": ("gram", Decimal("0.000001")), "kg": ("gram", 1000), "kilogram": ("gram", 1000),
    "kilogramme": ("gram", 1000), "kilo": ("gram", 1000), "tonne": ("gram", 1_000_000),
    "ton": ("gram", 1_000_000), "lb": ("ounce", 16), "lbs": ("ounce", 16),
    "ml": ("litre", _THOUSANDTH), "millilitre": ("litre", _THOUSANDTH),
    "milliliter": ("litre", _THOUSANDTH), "cl": ("litre", _HUNDREDTH),
    "centilitre": ("litre", _HUNDREDTH), "dl": ("litre", Decimal("0.1")),
    "mm": ("metre", _THOUSANDTH), "millimetre": ("metre", _THOUSANDTH),
    "millimeter": ("metre", _THOUSANDTH), "cm": ("metre", _HUNDREDTH),
    "centimetre": ("metre", _HUNDREDTH), "centimeter": ("metre", _HUNDREDTH),
    "km": ("metre", 1000), "kilometre": ("metre", 1000), "kilometer": ("metre", 1000),
    "square kilometre": ("square metre", 10**6), "square kilometer": ("square metre", 10**6),
    "km²": ("square metre", 10**6), "km2": ("square metre", 10**6),
    "sq km": ("square metre", 10**6), "cm²": ("square metre", Decimal("0.0001")),
    "kb": ("byte", 1000), "mb": ("byte", 10**6), "gb": ("byte", 10**9), "tb": ("byte", 10**12),
    "kib": ("byte", 2**10), "mib": ("byte", 2**20), "gib": ("byte", 2**30), "tib": ("byte", 2**40),
    "kilobyte": ("byte", 1000), "megabyte": ("byte", 10**6), "gigabyte": ("byte", 10**9),
    "terabyte": ("byte", 10**12), "kbit/s": ("bit", 1000), "kbps": ("bit", 1000),
    "mbit/s": ("bit", 10**6), "mbps": ("bit", 10**6), "mbit": ("bit", 10**6),
    "gbit/s": ("bit", 10**9), "gbps": ("bit", 10**9), "gbit": ("bit", 10**9),
    "khz": ("hertz", 1000), "mhz": ("hertz", 10**6), "ghz": ("hertz", 10**9),
    "kilohertz": ("hertz", 1000), "megahertz": ("hertz", 10**6), "gigahertz": ("hertz", 10**9),
    "kw": ("watt", 1000), "kilowatt": ("watt", 1000),
    "megawatt": ("watt", 10**6), "wh": ("kwh", _THOUSANDTH), "mwh": ("kwh", 1000),
    "kv": ("volt", 1000), "kilovolt": ("volt", 1000), "ma": ("ampere", _THOUSANDTH),
    "kcal": ("calorie", 1000), "kilocalorie": ("calorie", 1000), "kj": ("joule", 1000),
    "kilojoule": ("joule", 1000), "hpa": ("pascal", 100), "kpa": ("pascal", 1000),
    "mbar": ("bar", _THOUSANDTH), "psi": ("pascal", Decimal("6894.757")),
    "megapixel": ("pixel", 10**6),
}  # fmt: skip
UNITS: dict[str, tuple[str, int | Decimal]] = _MULTIPLES | {
    name: (unit, 1)
    for unit, names in _SPELLED.items()
    for name in names.split("|" if "|" in names else None)
}
"""By each way to write a unit, in lower case and the singular: the unit, and how many of it."""
EXACT: dict[str, tuple[str, int | Decimal]] = {
    "Nm": ("newton metre", 1), "V": ("volt", 1), "MW": ("watt", 10**6), "GW": ("watt", 10**9),
    "mW": ("watt", _THOUSANDTH), "Pa": ("pascal", 1),
}  # fmt: skip
"""Those that mean something else, or nothing, in other letters."""
CONVERSIONS: dict[str, tuple[str, int]] = {
    "second": ("time", 1), "minute": ("time", 60), "hour": ("time", 3600), "day": ("time", 86_400),
    "week": ("time", 604_800), "month": ("calendar", 1), "year": ("calendar", 12),
    "foot": ("foot", 12), "inch": ("foot", 1), "yard": ("foot", 36),
}  # fmt: skip
"""By unit, the family in which it converts exactly, and its size there."""
MONEY = frozenset(CURRENCIES.values())
DEGREES = frozenset({"celsius", "fahrenheit", "degree", "kelvin"})
TIME_UNITS = frozenset({"second", "minute", "hour", "day", "week", "month", "year"})
