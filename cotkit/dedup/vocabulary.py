"""Words of problems: which carry no content, which mean the same, and which belong to another language than English."""

from __future__ import annotations

from cotkit.dedup.symbols import listed

# Grammar, and the words that any problem asks with.
STOP = frozenset(
    listed(
        "a an the of to in on at by for with from and or is are was were be been being has have had having that this "
        "these those it its as if so than then there their his her he she they them him we our us you your i my me how "
        "much what which when where who whose whom why can could will would shall should does do did done doing "
        "not no into onto such some any all each every both given give gives find compute determine evaluate calculate "
        "let suppose assume consider value values following also only just exactly respectively form written express "
        "expressed answer simplify solve solved please satisfy satisfies satisfying such that where while must may "
        "might get got there here up out per one after before during between among through over under about convert "
        "write writes written"
    )
)
# A sentence with one of these states or asks something; one with none is an instruction, a heading or a label.
STATES = frozenset(
    listed(
        "is are was were be been has have had can could must may might does do did if when where which who whose how "
        "what such that there let suppose assume consider given find compute determine evaluate calculate prove show "
        "count return output print each every only"
    )
)
_SYNONYMS = """
number integer numbers integers many count
age old aged older ages
last final
first initial starting
bounded enclosed enclosing bounding
ones units unit
now present presently currently
maximum highest
has have
rolled thrown tossed flipped
consecutive successive
vertical straight
nearest closest
sequence progression
root roots solution solutions zero zeros zeroes
average mean
coprime relatively prime
smallest least minimum minimal lowest
largest greatest maximum maximal biggest highest
divisible multiple multiples divides divisor factor divisors factors divide dividing divided
remainder residue left
total sum altogether add adds added adding
distinct different unlike
length long
width wide
height high tall
speed velocity rate fast
chosen picked drawn selected taken
chance probability
money dollars
twice double
half halves
percent percentage
begin begins start starts
children kids
positive natural
buys purchases
"""
SYNONYM = {word: line.split()[0] for line in _SYNONYMS.strip().splitlines() for word in line.split()}

# Words that, put into a problem or taken out, make another one of it; a line is one meaning. "Exactly", "all" and
# "each" are none: "exactly two" is "two".
_QUALIFIERS = """
not no never none neither nor without cannot isn doesn don aren
least smallest minimum minimal lowest fewest
most largest greatest maximum maximal biggest highest
even
odd
positive natural
negative
nonnegative
nonzero
nondecreasing increasing ascending
nonincreasing decreasing descending
distinct different
twice doubled
half halved
consecutive
prime
perfect
squares
cubes
reciprocal reciprocals
"""
QUALIFIERS = {word: line.split()[0] for line in _QUALIFIERS.strip().splitlines() for word in line.split()}

# A few words of each language that stand in nearly every problem of it and in no English one.
FOREIGN = frozenset(
    listed(
        "el los las una del que cuál cuántos cuántas cuánto si por para se su sea sean con encuentra halla calcula "
        "calcular determina encuentre un y tiene número números es "
        "le les une des du est quel quelle combien dans pour avec sur et soit soient trouver calculer déterminer "
        "nombre nombres qui sont au aux "
        "der die das ein eine einer eines und ist sind wie viele wenn mit von den dem für auf berechne bestimme finde "
        "zahl zahlen wird werden löse "
        "il lo gli di che è sono quanti quante per con trova calcola numero della dello nel "
        "o os um uma em qual quantos são não ache calcule determine número"
    )
) - frozenset(listed("die per con o lo un es y determine den mit"))


def stem(word: str) -> str:
    """The word without the ending of a plural or a verb form; synonyms become one word."""
    word = SYNONYM.get(word, word)
    for ending in ("ing", "ies", "es", "ed", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e")
