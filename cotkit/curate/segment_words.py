"""The words by which a trace turns, doubts, concludes and states an answer, in English and Chinese.

The lists are ours. Every pattern is tried at the start of a sentence or within one, so all work is linear in the text.
"""

from __future__ import annotations

import re

# What may stand before the first word that says something: marks of a list, a step's number.
_HEAD = r"^[\s>*#\-]*(?:(?:step\s*)?\d{1,2}[.):：]\s*)?\**"
_FILLER = (
    r"(?:(?:okay|ok|so|but|and|now|then|yes|well|good|great|right|alright|oh|ah|also|hmm+|maybe"
    r"|嗯+|好的?|哦|那么?|但是?|不过|然后|我们?)[\s,，.。…!！:：]*){0,3}"
)
_CHECK = r"(?:re-?|(?:double|cross)[- ]?)?check"
_LET = r"(?:let me|let'?s|let us|i(?:'ll| will| should| could| can| want to)|we (?:can|could|should))"

# A sentence with which a new line of thought may begin.
TURN = re.compile(
    _HEAD + _FILLER + r"(?:"
    r"hmm+\b|wait\b|oops\b|no,? wait\b|hold on\b|actually\b|alternatively\b|no\b[,.]|on second thought"
    r"|that (?:can(?:no|')t|doesn't|does not|isn't|is not|is wrong)"
    r"|(?:another|a different|a second|one more|the other) "
    r"(?:way|approach|method|idea|check|thought|possibility|option)"
    rf"|{_LET}\s+(?:\w+\s+){{0,2}}?"
    rf"(?:{_CHECK}|(?:re-?)?(?:verify|confirm|validate|make sure|be sure|redo|do|compute|calculate|count|consider|think"
    r"|try|test|list|apply|plug|solve|look|see|go))\b"
    r"|to (?:double[- ]?check|check|verify|confirm|be (?:sure|safe|certain|extra))"
    rf"|{_CHECK}(?:ing)?\b|verif(?:y|ying|ication)\b|plug(?:ging)?\b|as a (?:check|sanity)|sanity check"
    r"|or (?:maybe|perhaps|else|equivalently)\b|(?:we|i) (?:can|could) also"
    r"|(?:pair|list|try|use|count)\b[^.]{0,40}\binstead"
    r"|等等|等一?下|哎|哦不|糟|且慢|慢着|不对|不，|错了|换(?:一?[种个]|句)|另(?:一?[种个]|外)|或者|也可以|还可以|其实"
    r"|(?:让我们?|我们?)?(?:来|再|重新|直接)[^，。]{0,8}?(?:想|算|看|数|检|验|核|确认|试|推|列|举|画)"
    r"|(?:检验|验证|验算|检查|核对|核实|确认|代入|代回|反过来)"
    r"|从[^，。]{1,8}(?:再|来)看|用[^，。]{1,12}(?:检验|验证|验算|核对|再)|为了(?:确认|保险|确保|验证)"
    r")",
    re.IGNORECASE,
)
# "But the order does not matter" takes an answer back only where it stands right behind it.
BUT = re.compile(
    _HEAD + r"(?:but|however|except|oops|但是?|可是|不过|然而)(?:\b|(?=[^\x00-\x7f]))",
    re.IGNORECASE,
)
# A turn that doubts what was just said, rather than one that goes on from it.
DOUBT = re.compile(
    _HEAD + r"(?:oh,?\s+|but\s+|hmm+[,.\s]*|嗯+[，,\s]*)?"
    r"(?:wait|hold on|actually|no\b[,.]|hmm|that(?:'s| is) (?:wrong|not)|that (?:can(?:no|')t|doesn't|isn't)|oops"
    r"|等等|等一?下|哎|哦不|糟|不对|不[，不]|错了|嗯)",
    re.IGNORECASE,
)
# A doubt that was looked into and laid to rest.
SETTLED = re.compile(
    r"^(?:[^,.。，]{0,24}[,，]\s*)?(?:that'?s\s+)?"
    r"(?:fine|okay|ok|good|right|correct|all good|yes|no problem|没问题|没错|好的?|对的?|可以)[.!。！]*$",
    re.IGNORECASE,
)
# Here a sentence calls something the answer.
EXPLICIT = re.compile(
    r"\\boxed|\\fbox|final result|答案|\bfinal(?:ly)?\s*[:：]"
    r"|\banswers?\b[\s*_]{0,4}(?:\w+\s+){0,2}?"
    r"(?:is|are|would|should|might|must|could|comes?|stays?|remains?|[:：=]|-?\d)",
    re.IGNORECASE,
)
CONCLUDES = re.compile(
    _HEAD + _FILLER + r"(?:so|thus|therefore|hence|in total|altogether|in conclusion|finally"
    r"|that(?:'s| is| means| gives| makes| leaves)|this (?:means|gives|makes)|which (?:means|gives|makes)"
    r"|it(?:'s| is| will be| must be)|there are|both|everything"
    r"|所以|因此|故|综上|总之|即|可见|于是|结果|这样|一共|共)"
    r"|[,，;；]\s*(?:so|thus|hence|therefore|giving|which (?:gives|is|makes)|所以|因此|故|就是|一共|共|那)",
    re.IGNORECASE,
)
CONFIRMS = re.compile(
    r"\b(?:yes|indeed|again|same|match(?:es)?|agrees?|consistent|confirm(?:s|ed)?|correct|as before|works?|still)\b"
    r"|一致|没错|正确|没有?问题|同样|吻合|符合|成立|相同|还是",
    re.IGNORECASE,
)
# "So the total is 9" speaks of the answer whatever is asked for.
GENERIC = frozenset(("total", "result", "结果", "总共", "一共"))
# Behind the last of these a sentence has its value.
LEADS = re.compile(
    r"\b(?:so|thus|hence|therefore|is|are|gives?|get|to|on|be)\s+(?:it'?s |a |an |the |exactly |just )?"
    r"|[=是为得有]|所以|因此|就是|还是",
    re.IGNORECASE,
)
# "The answer might be 4" states 4 as well as "is" does.
HEDGE = re.compile(
    r"\b(?:might|may|could|should|would|must|will) be\b"
    r"|\b(?:is|are) (?:probably|perhaps|maybe|indeed|still|again|then)\b",
    re.IGNORECASE,
)
# What the extraction of an answer may leave around it.
AROUND = re.compile(
    r"^(?:(?:[是为有]|is |stays |remains |it'?s |(?:yes|no|ok|okay|good|great|right|so|没错|对)[,，:]\s*)\s*)+"
    r"|\s+(?:again|indeed)$",
    re.IGNORECASE,
)
# 多少种, 几棵: what is counted; 120 种 answers it.
UNIT = re.compile(r"(?:多少|几)([\u4e00-\u9fff])")
COUNTED = re.compile(r"\d\s?([\u4e00-\u9fff])")
# Words of a question that say nothing of what is asked for.
COMMON = frozenset(
    (
        *("what", "which", "that", "this", "many", "much", "does", "have", "with", "from", "there", "when", "where"),
        *("find", "value", "will", "would", "their", "each", "every", "such", "then", "than", "into", "only"),
        *("possible", "given", "the", "are", "for", "its", "how", "one", "you", "and", "was", "has", "per"),
    )
)
