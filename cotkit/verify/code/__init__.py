"""Is this program right? Judged by its tests, in a sandbox, with every comparison made outside it.

>>> from cotkit.verify.code import grade_code, read_tests
>>> grade_code("print(int(input()) * 2)", read_tests([{"input": "21", "output": "42"}])).reason
'passed'
"""

from cotkit.verify.code.cases import CallCase, CodeTests, Linked, StdinCase, Tree
from cotkit.verify.code.extract import extract_program
from cotkit.verify.code.form import program_form
from cotkit.verify.code.grade import grade_code, grade_code_many
from cotkit.verify.code.ladder import available as sandbox_levels
from cotkit.verify.code.policy import CodePolicy
from cotkit.verify.code.read import read_tests
from cotkit.verify.code.verdicts import CodeVerdict, TestVerdict

__all__ = [
    "CallCase",
    "CodePolicy",
    "CodeTests",
    "CodeVerdict",
    "Linked",
    "StdinCase",
    "TestVerdict",
    "Tree",
    "extract_program",
    "grade_code",
    "grade_code_many",
    "program_form",
    "read_tests",
    "sandbox_levels",
]
