"""Names of units and how answers spell them."""

from __future__ import annotations

from fractions import Fraction

# Our name (as pint knows it, but for currencies) -> how answers spell it.
_SPELLINGS = {
    "mm": "millimeter millimetre 毫米", "cm": "centimeter centimetre cms 厘米 公分", "dm": "decimeter decimetre 分米",
    "m": "meter metre 米", "km": "kilometer kilometre kms 千米 公里", "inch": "inches in in. 英寸",
    "foot": "feet ft ft. 英尺", "yard": "yd", "mile": "mi 英里",
    "second": "sec secs s 秒 秒钟", "minute": "min mins 分钟", "hour": "hr hrs h 小时 个小时 时", "day": "天 日", "week": "周",
    "month": "个月", "year": "yr yrs 年 岁",
    "g": "gram 克", "kg": "kilogram kgs 千克 公斤", "mg": "milligram 毫克", "tonne": "吨",
    "dollar": "usd USD 美元", "cent": "¢ 美分", "euro": "euros EUR 欧元", "pound": "lb lbs 磅", "yen": "日元", "yuan": "rmb RMB CNY 元 块 块钱 人民币",
    "sterling": "GBP pounds 英镑", "pence": "p penny", "jiao": "角",
    "ml": "milliliter millilitre mL 毫升", "liter": "litre l L 升", "degree": "deg degs 度", "unit": "单位",
    "radian": "rad 弧度", "mph": "", "point": "points 分 pts", "percent": "pct", "km/h": "kmh kph kmph", "ounce": "oz",
    "gallon": "gal", "joule": "J 焦耳 焦", "newton": "N 牛顿 牛", "watt": "W 瓦", "kelvin": "K", "hertz": "Hz hz 赫兹",
    "eV": "ev", "keV": "kev", "MeV": "mev", "kJ": "kj 千焦", "kPa": "", "pascal": "Pa 帕", "mole": "mol 摩尔",
    "farad": "F", "volt": "V 伏", "ampere": "A amp 安", "ohm": "Ω ohms 欧", "kohm": "", "Mohm": "", "coulomb": "C", "tesla": "T", "degC": "℃ 摄氏度", "degF": "℉",
    "calorie": "cal", "kcal": "", "nm": "nanometer nanometre", "um": "micrometer micron", "uF": "", "uA": "", "uC": "", "us": "", "ug": "", "uL": "ul", "nF": "", "pF": "", "mA": "ma",
    "mV": "", "kV": "", "kN": "", "mN": "", "mmol": "", "umol": "", "MJ": "", "mJ": "", "GHz": "", "MHz": "",
    "kHz": "", "ns": "", "ms": "millisecond", "mT": "", "nC": "", "kmol": "", "hPa": "", "bar": "", "torr": "Torr", "mmHg": "",
    "rupee": "rupees INR", "angstrom": "Å",
    "molar": "", "atm": "", "kWh": "kwh", "kW": "kw", "GPa": "", "MPa": "", "mol/L": "mol/l",
    "person": "people 人 名 位", "piece": "个 只 件 本 条 张 支 辆 棵 种 次 枚 颗 套 道 头 朵 页 倍 平方单位",
}  # fmt: skip


UNITS: dict[str, str] = {spelling: name for name, more in _SPELLINGS.items() for spelling in (name, *more.split())}


CURRENCY_SIZES: dict[str, tuple[str, Fraction]] = {
    "dollar": ("usd", Fraction(1)), "cent": ("usd", Fraction(1, 100)),
    "sterling": ("gbp", Fraction(1)), "pence": ("gbp", Fraction(1, 100)),
    "yuan": ("cny", Fraction(1)), "jiao": ("cny", Fraction(1, 10)),
}  # fmt: skip


CURRENCIES = frozenset({"dollar", "cent", "euro", "yen", "yuan", "jiao", "sterling", "pence", "rupee"})


# Counting words, scores and the like have no size, though pint has units of these names.
SIZELESS = frozenset({"point", "unit", "person", "piece", "percent", "euro", "yen", "rupee", "month", "year"})


# Letters that may be a unit or a variable when they stand alone behind a number.
AMBIGUOUS = frozenset("mgshlLNJWVAKCFT")


_NOT_UNITS_WORDS = (
    "or and not maybe is are was if when more less least most about approximately approx around only "
    "wrong but than times to from nor even odd false true mod base factorial percent half dozen hundred "
    "thousand million billion trillion any all other undefined squared cubed remaining per correct incorrect "
    "cannot can will should would must may might does did tenth hundredth thousandth third fourth quarter fifth halve crore lakh score mil below above zero doubled tripled short through mod modulo plus minus equals choose where for with without infinity"
)


NOT_UNITS = frozenset(_NOT_UNITS_WORDS.split())
