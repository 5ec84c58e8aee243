"""Chemical formulas and equations, and electron configurations, in one spelling."""

from __future__ import annotations

import re

from cotkit.verify.values import (
    Text,
    Value,
)

_ELEMENTS = [
    "H",
    "He",
    "Li",
    "Be",
    "B",
    "C",
    "N",
    "O",
    "F",
    "Ne",
    "Na",
    "Mg",
    "Al",
    "Si",
    "P",
    "S",
    "Cl",
    "Ar",
    "K",
    "Ca",
    "Sc",
    "Ti",
    "V",
    "Cr",
    "Mn",
    "Fe",
    "Co",
    "Ni",
    "Cu",
    "Zn",
    "Ga",
    "Ge",
    "As",
    "Se",
    "Br",
    "Kr",
    "Rb",
    "Sr",
    "Ag",
    "Cd",
    "Sn",
    "Sb",
    "I",
    "Xe",
    "Cs",
    "Ba",
    "Pt",
    "Au",
    "Hg",
    "Pb",
    "Bi",
    "U",
    "Th",
    "Ra",
    "Pu",
    "Mo",
    "W",
]


_ELEMENT = "(?:" + "|".join(sorted(_ELEMENTS, key=len, reverse=True)) + ")"


_SPECIES = rf"\d{{0,2}}(?:{_ELEMENT}\d{{0,3}}|\((?:{_ELEMENT}\d{{0,2}}){{1,6}}\)\d{{0,2}}){{1,20}}(?:\^\d?[+-])?(?:\((?:s|l|g|aq)\))?"


_FORMULA = re.compile(rf"{_SPECIES}(?:\+{_SPECIES}){{0,6}}(?:(?:->|=|→){_SPECIES}(?:\+{_SPECIES}){{0,6}})?")


_TWO_ELEMENTS = re.compile(rf"{_ELEMENT}\d{{0,3}}\(?{_ELEMENT}|->")


_SHELLS = re.compile(r"(?:\[[A-Z][a-z]?\])?(?:\d[spdf]\^?\d{1,2}){2,20}")


_CHEM_DRESS = re.compile(r"\\(?:text|mathrm|ce|mathbf|rm|textrm|mbox)|[\s{}_$]|\\uparrow|\\downarrow|\\,|[↑↓]")


_CHEM_ARROW = re.compile(
    r"\\(?:to|rightarrow|longrightarrow|xrightarrow|Rightarrow|rightleftharpoons)(?:\[[^\]]*\])?|→|⟶|⇌|=>|={1,3}(?=[A-Z\d])"
)


def chemistry(plain: str) -> Value | None:
    """A chemical formula or equation, or an electron configuration, in one spelling."""
    bare = _CHEM_DRESS.sub("", _CHEM_ARROW.sub("->", plain))
    if _SHELLS.fullmatch(bare):
        return Text(bare.replace("^", ""), formula=True)
    if not _FORMULA.fullmatch(bare) or not (_TWO_ELEMENTS.search(bare) or "->" in bare):
        return None
    return None if bare.isupper() and bare.isalpha() else Text(bare, formula=True)
