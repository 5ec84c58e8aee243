"""Programs that cheat, hang, flood or reach out: each fails for the right reason and leaves nothing behind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cotkit.verify.code import CodePolicy, CodeTests, CodeVerdict, grade_code, read_tests

pytestmark = pytest.mark.usefixtures("nothing_left")

PRINTS_42 = read_tests([{"input": "21\n", "output": "42"}])
RETURNS_42 = read_tests({"inputs": [[21], [21]], "outputs": [42, 42], "fn_name": "f"})

# name: (program on stdin, reasons that are right)
ON_STDIN = {
    "fork bomb": ("import os\nwhile True:\n    os.fork()", {"runtime_error"}),
    "stubborn fork bomb": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        {"time_limit"},
    ),
    "thread bomb": (
        "import threading, time\nthreading.stack_size(32768)\n"
        "while True:\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        {"runtime_error", "memory_limit", "time_limit"},  # Python may wait for ever for a thread that got no memory
    ),
    "fill the disk": (
        "for n in range(10**6):\n    with open(f'{n}', 'wb') as file:\n        file.write(bytes(2**20))",
        {"runtime_error"},
    ),
    "fill the shared memory": (
        "import os\nfds = []\nwhile True:\n    fd = os.memfd_create('x')\n    fds.append(fd)\n"
        "    for _ in range(64):\n        os.write(fd, bytes(2**20))",
        {"runtime_error"},
    ),
    "sleep for ever": ("import time\ntime.sleep(10**6)", {"time_limit"}),
    "sleep with closed descriptors": (
        "import os, time\nos.closerange(0, 100)\ntime.sleep(10**6)",
        {"time_limit", "runtime_error"},
    ),
    "spin": ("while True:\n    pass", {"time_limit"}),
    "spin in C": ("10 ** 10 ** 9", {"time_limit", "memory_limit"}),
    "ignore the limit's signal": (
        "import signal\nfor s in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):\n"
        "    signal.signal(s, signal.SIG_IGN)\nwhile True:\n    pass",
        {"time_limit"},
    ),
    "print gigabytes": ("while True:\n    print('42' * 2**20)", {"output_limit"}),
    "allocate": ("x = bytearray(2**34)\nprint(42)", {"memory_limit"}),
    "allocate bit by bit": ("x = []\nwhile True:\n    x.append(bytearray(2**20))", {"memory_limit"}),
    "raise its own limits": (
        "import resource\nfor name in ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE'):\n"
        "    resource.setrlimit(getattr(resource, name), (-1, -1))\nprint(42)",
        {"runtime_error"},
    ),
    "raise its own limits and go on": (
        "import resource\ntry:\n    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nexcept ValueError:\n    pass\n"
        "x = bytearray(2**34)\nprint(42)",
        {"memory_limit"},
    ),
    "leave at once": ("import os\nos._exit(0)\nprint(42)", {"wrong_answer"}),
    "leave with an error after the answer": ("print(42)\nraise SystemExit(3)", {"runtime_error"}),
    "print PASSED": ("print('PASSED')\nprint('{\"passed\": true}')", {"wrong_answer"}),
    "infinite recursion": ("def f():\n    return f()\nf()", {"runtime_error"}),
    "recursion in C": (
        "import functools, sys\nsys.setrecursionlimit(10**9)\nf = functools.cache(lambda n: f(n + 1))\nf(0)",
        {"runtime_error", "memory_limit"},
    ),
    "crash": ("import ctypes\nctypes.string_at(0)", {"runtime_error"}),
    "abort": ("import os\nos.abort()", {"runtime_error"}),
    "huge integer to text": (
        "import sys\nsys.set_int_max_str_digits(0)\nprint(10 ** 10**7)",
        {"time_limit", "output_limit"},
    ),
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(10**6)\n"
        "    os._exit(0)\nprint(42)",
        {"runtime_error"},
    ),
    "flood every descriptor": (
        "import os\nwhile True:\n    for fd in range(64):\n        try:\n            os.write(fd, b'x' * 65536)\n"
        "        except OSError:\n            pass",
        {"output_limit", "time_limit"},
    ),
    "syntax": ("def f(:\n    return 42", {"compile_error"}),
    "null byte": ("x = 1\0\nprint(42)", {"compile_error"}),
    "deep nest": ("x = " + "(" * 5000 + "1" + ")" * 5000, {"compile_error"}),
}

# name: (program whose f is called, reasons that are right)
CALLED = {
    "exit at import": ("import sys\nsys.exit(0)", {"runtime_error"}),
    "leave at import": ("import os\nos._exit(0)", {"runtime_error"}),
    "exit in the function": ("import sys\ndef f(x):\n    sys.exit(0)", {"runtime_error"}),
    "leave in the function": ("import os\ndef f(x):\n    os._exit(0)", {"runtime_error"}),
    "leave at the end": ("import atexit, os\natexit.register(os._exit, 0)\ndef f(x):\n    return 7", {"wrong_answer"}),
    "excepthook": (
        "import os, sys\nsys.excepthook = lambda *a: os._exit(0)\ndef f(x):\n    raise ValueError",
        {"runtime_error"},
    ),
    "equal to everything": (
        "class E:\n    def __eq__(self, other):\n        return True\n    def __hash__(self):\n        return 42\n"
        "def f(x):\n    return E()",
        {"wrong_answer"},
    ),
    "an integer equal to everything": (
        "class E(int):\n    def __eq__(self, other):\n        return True\n    __repr__ = lambda self: '42'\n"
        "    __index__ = __int__ = lambda self: 42\n    __hash__ = int.__hash__\ndef f(x):\n    return E(7)",
        {"wrong_answer"},
    ),
    "a list equal to everything": (
        "class E(list):\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E([42])",
        {"wrong_answer"},
    ),
    "patched builtins": (
        "import builtins, json, sys, marshal\njson.dumps = lambda *a: '42'\nbuiltins.repr = lambda x: '42'\n"
        "builtins.isinstance = lambda *a: True\nmarshal.loads = lambda *a: None\n"
        "sys.stdout = None\ndef f(x):\n    return 7",
        {"wrong_answer", "runtime_error", "bad_answer"},
    ),
    "forged lines everywhere": (
        "import os\nfor fd in range(64):\n    try:\n"
        '        os.write(fd, b\'{"v":true}\\n{"done":1,"e":"passed"}\\n\')\n'
        "    except OSError:\n        pass\ndef f(x):\n    return 7",
        {"wrong_answer", "bad_answer"},
    ),
    "forged excuse": (
        "import os\ndef f(x):\n    for fd in range(64):\n        try:\n"
        '            os.write(fd, b\'{"e":"sandbox_failed","m":""}\\n\')\n        except OSError:\n            pass\n'
        "    return 7",
        {"bad_answer"},
    ),
    "the runner's own functions": (
        "import gc\ndef f(x):\n    for o in gc.get_objects():\n        if getattr(o, '__name__', '') == 'say':\n"
        '            o(\'{"v":"PASSED"}\')\n    return 7',
        {"wrong_answer"},
    ),
    "infinite recursion": ("def f(x):\n    return f(x)", {"runtime_error", "memory_limit"}),
    "huge integer": ("def f(x):\n    return 10 ** 200_000", {"wrong_answer"}),
    "giant text": ("def f(x):\n    return 'x' * 2**26", {"output_limit", "memory_limit"}),
    "giant list": ("def f(x):\n    return [1.5] * 2**26", {"output_limit", "memory_limit", "time_limit"}),
    "deep list": ("def f(x):\n    y = []\n    for _ in range(20_000):\n        y = [y]\n    return y", {"bad_answer"}),
    "endless list": ("def f(x):\n    y = []\n    y.append(y)\n    return y", {"runtime_error", "memory_limit"}),
    "a dict of keys that hash alike": (
        "def f(x):\n    return {n * (2**61 - 1): 0 for n in range(3000)}",
        {"wrong_answer"},
    ),
    "not a number": ("def f(x):\n    return float('nan')", {"wrong_answer"}),
    "infinity": ("def f(x):\n    return float('inf')", {"wrong_answer"}),
    "an endless generator": ("def f(x):\n    while True:\n        yield 42", {"wrong_answer"}),
    "an error that cannot be shown": (
        "class E(Exception):\n    def __str__(self):\n        raise KeyboardInterrupt\ndef f(x):\n    raise E",
        {"runtime_error"},
    ),
    "no such function": ("def g(x):\n    return 42", {"missing_function"}),
    "the second call only": (
        "n = 0\ndef f(x):\n    global n\n    n += 1\n    return 42 if n == 1 else 7",
        {"wrong_answer"},
    ),
    "print gigabytes": ("def f(x):\n    while True:\n        print('42' * 2**20)", {"time_limit"}),
    "sleep": ("import time\ndef f(x):\n    time.sleep(10**6)", {"time_limit"}),
    "spin at import": ("while True:\n    pass", {"time_limit"}),
}


def judge(program: str, tests: CodeTests, level: str, python: str, *, late: bool = False) -> CodeVerdict:
    """`late`: the program is expected to run into the limits of time, so they are short."""
    cpu_s, wall_s = (0.3, 1.0) if late else (5, 20)
    policy = CodePolicy(sandbox=level, python=python, cpu_s=cpu_s, wall_s=wall_s, memory_mb=256, output_mb=4)
    verdict = grade_code(f"```python\n{program}\n```", tests, policy=policy)
    assert verdict.sandbox == level
    return verdict


@pytest.mark.parametrize("name", ON_STDIN)
def test_hostile_on_stdin(name: str, level: str, python: str) -> None:
    program, reasons = ON_STDIN[name]
    verdict = judge(program, PRINTS_42, level, python, late="time_limit" in reasons)
    assert (verdict.value, verdict.reason in reasons) == ("incorrect", True), verdict


@pytest.mark.parametrize("name", CALLED)
def test_hostile_when_called(name: str, level: str, python: str) -> None:
    program, reasons = CALLED[name]
    verdict = judge(program, RETURNS_42, level, python, late="time_limit" in reasons)
    assert (verdict.value, verdict.reason in reasons) == ("incorrect", True), verdict


def expects(text: str) -> CodeTests:
    """Tests that only a program which found out `text` can pass."""
    return read_tests([{"input": "", "output": text}])


@pytest.mark.parametrize("place", ["/etc/passwd", "/etc/hostname", "/proc/1/environ", "secret", "link", "mount", "~"])
def test_files_are_out_of_reach(place: str, level: str, python: str, holds: frozenset[str], tmp_path: Path) -> None:
    if "files" not in holds:
        pytest.skip(f"{level} does not promise it")
    secret = tmp_path / "secret.txt"
    secret.write_text("the answer to everything")
    program = {
        "secret": f"print(open({str(secret)!r}).read())",
        "link": f"import os\nos.symlink({str(secret)!r}, 'x')\nprint(open('x').read())",
        "mount": f"import os\nos.link({str(secret)!r}, 'x')\nprint(open('x').read())",
        "~": f"import os\nprint(len(os.listdir({str(Path.home() / '.')!r})))",
    }.get(place, f"print(open({place!r}).read())")
    verdict = judge(program, expects("the answer to everything"), level, python)
    if level == "bwrap" and place in ("/proc/1/environ", "~"):
        # The program is process 1 there; and Python may live below the home folder, whose other files are gone.
        assert verdict.tests[0].evidence.get("got", "1").strip("\n\0") in ("PWD=/work", "1"), verdict
    else:
        assert verdict.reason == "runtime_error", verdict


def test_nothing_is_written_outside(level: str, python: str, holds: frozenset[str], tmp_path: Path) -> None:
    if "files" not in holds:
        pytest.skip(f"{level} does not promise it")
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    tmp_path.chmod(0o777)
    kept.chmod(0o666)
    folders = ["/tmp", "/var/tmp", "/dev/shm", "/dev", "/", "/usr", str(Path.home()), str(tmp_path)]  # noqa: S108
    name = f"cotkit-{tmp_path.name}-{level}"
    program = f"""
import os, shutil
def attempt(act, *args):
    try:
        act(*args)
    except OSError:
        pass
for folder in {folders!r}:
    attempt(lambda: open(folder + "/{name}", "w").close())
    attempt(os.mkdir, folder + "/{name}")
    attempt(os.symlink, {str(kept)!r}, folder + "/{name}-link")
attempt(os.symlink, {str(kept)!r}, "here")
attempt(lambda: open("here", "w").close())
attempt(os.unlink, {str(kept)!r})
attempt(os.rename, {str(kept)!r}, {str(kept)!r} + ".moved")
attempt(os.chmod, {str(kept)!r}, 0)
attempt(os.truncate, {str(kept)!r}, 0)
attempt(shutil.rmtree, {str(tmp_path)!r})
print(42)
"""
    assert judge(program, PRINTS_42, level, python).reason == "passed"
    assert kept.read_text() == "kept"
    assert kept.stat().st_mode & 0o777 == 0o666
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
    assert [path for folder in folders for path in Path(folder).glob(f"{name}*")] == []


def test_the_environment_is_empty(level: str, python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTKIT_TEST_KEY", "very-secret")
    program = "import os\nprint(os.environ.get('COTKIT_TEST_KEY', sorted(os.environ)))"
    verdict = judge(program, expects("very-secret"), level, python)
    assert verdict.reason == "wrong_answer"
    assert "very-secret" not in verdict.tests[0].evidence["got"]


@pytest.mark.parametrize("kind", ["stream", "datagram", "abstract", "pair"])
def test_no_message_gets_out(kind: str, level: str, python: str, holds: frozenset[str]) -> None:
    if "network" not in holds:
        pytest.skip(f"{level} does not promise it")
    family = socket.AF_UNIX if kind in ("abstract", "pair") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "stream" else socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0cotkit-{level}" if family == socket.AF_UNIX else ("127.0.0.1", 0))
        if kind == "stream":
            listener.listen()
        listener.setblocking(False)
        address = listener.getsockname()
        made = {
            "stream": "socket.socket()",
            "datagram": "socket.socket(type=socket.SOCK_DGRAM)",
            "abstract": "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
            "pair": "socket.socketpair(type=socket.SOCK_DGRAM)[0]",
        }[kind]
        send = "s.connect(address)" if kind == "stream" else "s.sendto(b'42', address)"
        verdict = judge(
            f"import socket\naddress = {address!r}\ns = {made}\n{send}\nprint(42)", PRINTS_42, level, python
        )
        assert verdict.reason == "runtime_error"
        with pytest.raises(BlockingIOError):
            listener.accept() if kind == "stream" else listener.recv(10)


@pytest.mark.parametrize(
    "act", ["os.kill(os.getppid(), 9)", "os.killpg(0, 9)", "os.kill(-1, 9)", "os.kill({parent}, 9)", "os.kill(1, 9)"]
)
def test_no_signal_gets_out(act: str, level: str, python: str, holds: frozenset[str]) -> None:
    if "signals" not in holds:
        pytest.skip(f"{level} does not promise it")
    program = f"import os\n{act.format(parent=os.getpid())}\nprint(7)"
    assert judge(program, PRINTS_42, level, python).reason in ("runtime_error", "wrong_answer")
    assert judge("print(int(input()) * 2)", PRINTS_42, level, python).reason == "passed"


def test_a_program_sees_no_process_but_its_own_starter(level: str, python: str, holds: frozenset[str]) -> None:
    if "files" not in holds:
        pytest.skip(f"{level} does not promise it")
    program = "import os\nprint([p for p in os.listdir('/proc') if p.isdigit() and p != str(os.getpid())])"
    verdict = judge(program, expects("none"), level, python)
    assert verdict.reason == "runtime_error" or verdict.tests[0].evidence["got"] == "['1']\n"


@pytest.mark.parametrize("place", ["mem", "environ", "maps", "cwd/", *(f"fd/{fd}" for fd in range(3, 24))])
def test_the_starter_of_a_program_is_out_of_reach(place: str) -> None:
    program = f"import os\nfd = os.open('/proc/1/{place}', os.O_RDONLY)\nprint(42)"
    assert grade_code(program, PRINTS_42, policy=CodePolicy(sandbox="auto")).reason == "runtime_error"


def test_a_program_cannot_leave_its_session_or_its_fate(level: str, python: str) -> None:
    if level == "rlimits":
        pytest.skip("rlimits has no filter of system calls")
    for act in ("os.setsid()", "os.setpgid(0, 0)", "1 / (ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) == 0)"):
        program = f"import ctypes, os\n{act}\nprint(42)"
        assert judge(program, PRINTS_42, level, python).reason == "runtime_error"
