"""Names that are not there: what a NameError or an AttributeError most likely means, and a class that makes itself."""

from __future__ import annotations

import ast
import builtins
import difflib
import re
import sys
from types import ModuleType

from tutor.explain.max_rules import INSTEAD
from tutor.explain.spot import Spot, arguments, defined, last_frame_in, words

IMPORTS = {
    # names that a step may need, and the line that brings them
    "np": "import numpy as np",
    "numpy": "import numpy",
    "math": "import math",
    "json": "import json",
    "re": "import re",
    "struct": "import struct",
    "Path": "from pathlib import Path",
    "F": "from max.experimental import functional as F",
    "nn": "from max.experimental import nn",
    "Tensor": "from max.experimental.tensor import Tensor",
    "DType": "from max.dtype import DType",
}


def no_name(error: BaseException, spot: Spot) -> str:
    """What to say of a name that Python does not know."""
    if not isinstance(error, NameError) or not spot.frame or not last_frame_in(error, spot.answer):
        return ""
    found = re.search(r"'(\w+)'", words(error))
    if not found:
        return ""
    name = found[1]
    if isinstance(error, UnboundLocalError) or "free variable" in words(error):
        return f"`{name}` is used before it has a value in this function."
    me, spaces = spot.names.get("self"), (spot.names, spot.frame.f_globals)
    kept = getattr(me, "__dict__", {})  # a property of the learner's own may raise anything
    if name in ("self", "cls"):
        whose = "method is self, the object" if name == "self" else "classmethod is cls, the class"
        return f"There is no `{name}` here. The first argument of a {whose}: is it missing in the line with def?"
    if name in ("inf", "nan"):
        sign = "-" if f"-{name}" in spot.code() else ""
        return f'Python has no number called `{name}`: write float("{sign}{name}").'
    if name in IMPORTS:
        return f"`{name}` is not imported: `{IMPORTS[name]}`, at the top of the file."
    unknown = f"There is no `{name}` here."
    if name in kept or (me is not None and hasattr(type(me), name)):
        return f"{unknown} What the object keeps is called `self.{name}`."
    holders = {"config": spot.names.get("config"), "self.config": kept.get("config")}
    if holder := next(
        (key for key, thing in holders.items() if name in getattr(thing, "__dataclass_fields__", ())), ""
    ):
        return f"{unknown} Is `{holder}.{name}` meant?"
    if me is not None and name in arguments(type(me).__init__):
        return (
            f"{unknown} It is an argument of __init__: what forward needs of it, keep there, as self.{name} = {name}."
        )
    for short, module in spaces[1].items():
        if isinstance(module, ModuleType) and short != "builtins" and hasattr(module, name):
            return f"{unknown} Is `{short}.{name}` meant?"
    functions = sys.modules.get("max.experimental.functional")
    if hasattr(functions, name):
        return f"{unknown} Is `F.{name}` meant? ({IMPORTS['F']})"
    known = [known for space in (*spaces, vars(builtins)) for known in space if not known.startswith("_")]
    near = difflib.get_close_matches(name, known, 1, 0.75)
    return f"{unknown} Is `{near[0]}` meant?" if near else ""


def calls_itself(error: BaseException, spot: Spot) -> str:
    """What to say of a class that makes one of its own in place of MAX's layer of the same name."""
    own = spot.value(spot.node.func) if isinstance(spot.node, ast.Call) else None
    if (
        not isinstance(error, TypeError | RecursionError)
        or not isinstance(own, type)
        or defined(own.__qualname__, spot) is not own
    ):
        return ""
    nn = sys.modules.get("max.experimental.nn")
    here = spot.frame.f_code.co_qualname if spot.frame else ""
    if not hasattr(nn, own.__name__) or not here.startswith(f"{own.__qualname__}."):
        return ""
    return f"`{own.__name__}` is your own class here, which makes itself. MAX's layer is `nn.{own.__name__}`."


def no_attribute(error: BaseException, spot: Spot) -> str:
    """What to say of a name that an object lacks: one of another library, of the weight of a layer, or nearly one of its own."""
    thing, name = getattr(error, "obj", None), str(getattr(error, "name", ""))
    if not isinstance(error, AttributeError) or thing is None:
        return ""
    module = isinstance(thing, ModuleType)
    from_max = (thing.__name__ if module else type(thing).__module__).startswith("max.")
    if name in INSTEAD and (from_max or name == "register_buffer"):
        return f"MAX has no `{name}`. Take {INSTEAD[name].format(name)}."
    if from_max and hasattr(getattr(thing, "weight", None), name):
        layer = ast.unparse(spot.node.value) if isinstance(spot.node, ast.Attribute) else "self.layer"
        return f"A layer has no `{name}`. Its weight has: {layer}.weight.{name}."
    owner = f"`{thing.__name__ if module else type(thing).__name__}`"
    if type(thing).__name__ == "Tensor" and hasattr(sys.modules.get("max.experimental.functional"), name):
        return ""
    near = difflib.get_close_matches(name, dir(thing), 1, 0.75)
    meant = f" Is `{near[0]}` meant?" if near else ""
    file = getattr(sys.modules.get(type(thing).__module__), "__file__", None)
    if file == str(spot.answer):
        return f"{owner} has no attribute `{error.name}`: is it set in __init__, under this very name?{meant}"
    return f"{owner} has no attribute `{error.name}`.{meant}" if meant else ""
