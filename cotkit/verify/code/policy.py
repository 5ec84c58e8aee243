"""What a judged program may use, and how its answers are compared."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cotkit.config import Config

SandboxChoice = Literal["auto", "bwrap", "namespaces", "landlock", "rlimits"]
Comparison = Literal["tokens", "lines", "floats", "set", "sorted"]


class CodePolicy(Config):
    """Limits hold for one process: one test, or one program where its function is called."""

    sandbox: SandboxChoice = Field(
        "auto",
        description="Level of isolation. auto: the first of bwrap, namespaces, landlock that keeps programs from "
        "files, network and other processes; rlimits isolates nothing and must be asked for.",
    )
    python: str = Field("", description="Interpreter that runs the programs; empty: the one that runs cotkit.")
    packages: tuple[str, ...] = Field(
        ("sortedcontainers",),
        description="Pure-Python packages of cotkit's own environment that programs may import besides the standard "
        "library; one that is not installed is left out.",
    )
    cpu_s: float = Field(6.0, gt=0, le=3600, description="CPU seconds of one test.")
    wall_s: float = Field(15.0, gt=0, le=3600, description="Seconds of one test by the clock; ends a sleeper.")
    total_s: float = Field(
        120.0, gt=0, le=86_400, description="Seconds of all tests of one program; past it the program is undecided."
    )
    memory_mb: int = Field(1024, ge=64, description="Address space of a program in MiB.")
    disk_mb: int = Field(16, ge=1, description="Size of the scratch folder in MiB (bwrap); elsewhere none is given.")
    open_files: int = Field(64, ge=16, description="Open files of a program.")
    output_mb: int = Field(8, ge=1, description="MiB a test may print or return.")
    recursion_limit: int = Field(
        50_000, ge=1_000, description="Recursion limit where a function is called; programs on stdin set their own."
    )
    stop_early: bool = Field(True, description="Stop at the first failed test; false runs them all.")
    fresh_process: Literal["program", "test"] = Field(
        "program", description="Where a function is called: one process for all tests of a program, or one a test."
    )
    prelude: bool = Field(
        True, description="Give called functions the names LeetCode gives (List, heappush, inf, TreeNode, …)."
    )
    compare: Comparison = Field(
        "tokens",
        description="How outputs are compared where the tests do not say: tokens (white space apart), lines, "
        "floats (every number by value), set or sorted (lines or list items in any order).",
    )
    ignore_case: bool = Field(False, description="YES is yes in printed output.")
    abs_tol: float = Field(1e-6, ge=0, description="Absolute tolerance of numbers that are no whole numbers.")
    rel_tol: float = Field(1e-6, ge=0, description="Relative tolerance of numbers that are no whole numbers.")
