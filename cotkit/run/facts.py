"""What a step made and what decided it, as digests: the facts by which a rebuilt run is compared with the first one.

A fact holds no rows, no path and no secret, so `publish` puts the facts of all steps beside the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cotkit.run import key

Fact = dict[str, Any]
_CODE, _INPUT, _MATERIAL = "code of ", "input ", "material "


def fact(report: Mapping[str, Any]) -> Fact:
    """The fact of a finished step, from its report.

    `settings` is a digest of its config and the seed, `code` one for each module, `pins` what it read besides tables.
    """
    parts: key.Components = report["parts"]
    line, digests = report["funnel"], report["content"]
    settings = {n: v for n, v in parts.items() if not n.startswith((_CODE, _INPUT, _MATERIAL))}
    return {
        "step": report["step"],
        "kind": line["kind"],
        "kept": {"rows": line["kept"], "digest": digests["kept"]},
        "dropped": {"rows": line["dropped"], "digest": digests["dropped"]},
        "settings": key.digest(settings),
        "code": {n.removeprefix(_CODE): v for n, v in sorted(parts.items()) if n.startswith(_CODE)},
        "pins": {n.removeprefix(_MATERIAL): v for n, v in sorted(parts.items()) if n.startswith(_MATERIAL)},
    }
