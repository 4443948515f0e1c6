"""Digests of code: what leaves them as they are, what changes them, and what differences are called."""

import ast
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearlog.pipeline.code import Code, differences, digest
from hearlog.pipeline.program import Program
from hearlog.util.errors import InputError

STAGE = """
\"\"\"A stage.\"\"\"
from hearlog import numbers, params
from stages import run


def main(task: str) -> None:
    \"\"\"Run.\"\"\"
    print(numbers.double(params.load()), task)


if __name__ == "__main__":
    run(main)
"""
NUMBERS = """
import numpy as np
from hearlog.scale import FACTOR


def double(value: float, more: int = 1) -> float:
    \"\"\"Twice a value.\"\"\"
    result: float = _helper(value) * FACTOR  # a comment
    return np.asarray(result) + more


def _helper(value):
    return np.square(value) if value else double(1)


def unused():
    return 1
"""
FILES = {
    "stages/__init__.py": "def run(main): main()",
    "stages/one.py": STAGE,
    "src/hearlog/__init__.py": "",
    "src/hearlog/params/__init__.py": "def load(): return 1",
    "src/hearlog/numbers.py": NUMBERS,
    "src/hearlog/scale.py": "FACTOR = 2\nOTHER = 3\n",
}


def program(changes=(), **files):
    texts = FILES | dict(changes) | files
    return Program({path: text.encode() for path, text in texts.items() if text is not None})


def code(changes=()):
    return Code(program(changes), "stages.one")


def edited(path, *replacements):
    text = FILES[path]
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return {path: text}


def numbers(*replacements):
    return edited("src/hearlog/numbers.py", *replacements)


def named(changes, before=()):
    return differences(code(before), code(changes))


MOVED = {
    "src/hearlog/numbers.py": "from hearlog.other.helpers import double as double",
    "src/hearlog/other/__init__.py": "",
    "src/hearlog/other/helpers.py": NUMBERS,
}
HELPER = "def _helper(value):\n    return np.square(value) if value else double(1)"
SPLIT = {
    "src/hearlog/numbers.py": NUMBERS.replace(HELPER, "from hearlog.helper import _helper"),
    "src/hearlog/helper.py": "import numpy\n\n\ndef _helper(value):\n"
    "    from hearlog import numbers\n    return numpy.square(value) if value else numbers.double(1)\n",
}
RENAMED = {
    "src/hearlog/numbers.py": None,
    "src/hearlog/figures.py": NUMBERS,
    **edited("stages/one.py", ("import numbers,", "import figures as sums,"), ("numbers.", "sums.")),
}
PACKED = {
    "src/hearlog/numbers.py": None,
    "src/hearlog/numbers/__init__.py": "from hearlog.numbers.double import double",
    "src/hearlog/numbers/double.py": NUMBERS,
}
TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hearlog import scale\n"
EQUAL = {
    "docstring": numbers(("Twice a value.", "Two times.")),
    "docstring removed": numbers(('    """Twice a value."""\n', "")),
    "comment": numbers(("# a comment", "# another")),
    "annotation": numbers(("value: float", "value: int"), ("-> float", "-> object"), ("result: float", "result")),
    "blank lines": numbers(("\n\n", "\n\n\n\n")),
    "alias of an import": numbers(("numpy as np", "numpy"), ("np.", "numpy.")),
    "name from a module": numbers(("numpy as np", "numpy as np\nfrom numpy import square as sq"), ("np.square", "sq")),
    "alias of the project": numbers(("import FACTOR", "import FACTOR as F"), ("* FACTOR", "* F")),
    "module instead of name": numbers(
        ("hearlog.scale import FACTOR", "hearlog import scale"), ("FACTOR", "scale.FACTOR")
    ),
    "relative import": numbers(("from hearlog.scale", "from .scale")),
    "import in the function": numbers(
        ("from hearlog.scale import FACTOR", ""), ("    result:", "    from hearlog.scale import FACTOR\n    result:")
    ),
    "definition not used": numbers(("return 1\n", "return 2\n")),
    "constant not used": {"src/hearlog/scale.py": "FACTOR = 2\nOTHER = 4\n"},
    "constants in one line": {"src/hearlog/scale.py": "OTHER, FACTOR = 3, 2\n"},
    "moved": MOVED,
    "split, with a circle": SPLIT,
    "renamed module": RENAMED,
    "module made a package": PACKED,
    "infrastructure": {"src/hearlog/params/__init__.py": "def load(): return 2"},
    "infrastructure moved": {
        "src/hearlog/params/__init__.py": "from hearlog.params.reading import load",
        "src/hearlog/params/reading.py": "def load(): return 2",
    },
    "import for types": numbers(("import numpy as np", f"import numpy as np\n{TYPES}")),
}
DIFFERENT = {
    "constant": ({"src/hearlog/scale.py": "FACTOR = 3\n"}, ["src/hearlog/scale.py: FACTOR changed"]),
    "type of a constant": ({"src/hearlog/scale.py": "FACTOR = 2.0\n"}, ["src/hearlog/scale.py: FACTOR changed"]),
    "default": (numbers(("more: int = 1", "more: int = 2")), ["src/hearlog/numbers.py: double changed"]),
    "operator": (numbers((") * FACTOR", ") / FACTOR")), ["src/hearlog/numbers.py: double changed"]),
    "name from outside": (numbers(("np.square", "np.cbrt")), ["src/hearlog/numbers.py: _helper changed"]),
    "decorator": (numbers(("def _helper", "@np.vectorize\ndef _helper")), ["src/hearlog/numbers.py: _helper changed"]),
    "annotation of main": (edited("stages/one.py", ("task: str", "task: int")), ["stages/one.py: main changed"]),
    "statement of a module": (
        {"src/hearlog/scale.py": "FACTOR = 2\nprint()\n"},
        ["src/hearlog/scale.py: statements of the module added"],
    ),
    "value set later": (
        {"src/hearlog/scale.py": "FACTOR = 2\nFACTOR += 1\n"},
        ["src/hearlog/scale.py: FACTOR changed"],
    ),
    "moved and changed": (
        MOVED | {"src/hearlog/other/helpers.py": NUMBERS.replace("more: int = 1", "more: int = 2")},
        ["src/hearlog/other/helpers.py: double changed"],
    ),
    "removed": (
        numbers(("_helper(value) *", "value *")),
        ["src/hearlog/numbers.py: _helper removed", "src/hearlog/numbers.py: double changed"],
    ),
}  # fmt: skip


RAISES = "def main():\n    raise {error}('{text}')\n\n\nif __name__ == '__main__':\n    main()\n"
ERRORS = {"InputError": "from hearlog.util.errors import InputError\n", "ValueError": ""}


@pytest.mark.parametrize("error", ERRORS)
def test_the_text_of_an_input_error_which_ends_a_stage_does_not_count(error):
    texts = [ERRORS[error] + RAISES.format(error=error, text=text) for text in ("no such file", "missing")]
    digests = {code({"stages/one.py": text}).digest for text in texts}
    assert len(digests) == (1 if error == "InputError" else 2)


def test_another_error_counts():
    raised = [ERRORS["InputError"] + RAISES.format(error=error, text="") for error in ERRORS]
    assert len({code({"stages/one.py": text}).digest for text in raised}) == 2


@pytest.mark.parametrize("change", EQUAL)
def test_the_digest_stays_when_the_text_alone_changes(change):
    assert code(EQUAL[change]).digest == code().digest
    assert named(EQUAL[change]) == []


@pytest.mark.parametrize("change", DIFFERENT)
def test_the_digest_differs_and_what_changed_is_named(change):
    changes, names = DIFFERENT[change]
    assert code(changes).digest != code().digest
    assert named(changes) == names


CLASSES = """
from dataclasses import dataclass
from hearlog.scale import OTHER


@dataclass
class Setting:
    \"\"\"A setting.\"\"\"

    size: int
    name: "str" = "x"

    def double(self, times: int = 2) -> int:
        return self.size * times


def double(value):
    return Setting(value, OTHER).double()
"""


@pytest.mark.parametrize(
    "old, new",
    [
        ("size: int", "size: float"),
        ("@dataclass", "@dataclass(frozen=True)"),
        ("class Setting:", "class Setting(dict):"),
    ],
)
def test_annotations_decorators_and_bases_of_a_class_count(old, new):
    before = {"src/hearlog/numbers.py": CLASSES}
    after = {"src/hearlog/numbers.py": CLASSES.replace(old, new)}
    assert named(after, before) == ["src/hearlog/numbers.py: Setting changed"]


@pytest.mark.parametrize("old, new", [("times: int", "times: object"), ('"A setting."', '"x"'), ('"str"', "str")])
def test_annotations_of_methods_docstrings_and_quotes_of_types_do_not(old, new):
    text = CLASSES.replace('"""A setting."""', '"A setting."')
    before, after = ({"src/hearlog/numbers.py": each} for each in (text, text.replace(old, new)))
    assert code(before).digest == code(after).digest


def test_annotations_count_where_a_decorator_may_read_them():
    text = "import functools as f\n@f.singledispatch\ndef double(v): return v\n@double.register\ndef _(v: int): 1"
    before, after = ({"src/hearlog/numbers.py": each} for each in (text, text.replace("int", "str")))
    assert "_" in {key.name for key in code(before).forms}
    assert code(before).digest != code(after).digest


def test_an_import_that_only_loads_something_from_outside_counts():
    after = numbers(("import numpy as np", "import numpy as np\nimport codecs_of_sound  # noqa"))
    assert named(after) == ["src/hearlog/numbers.py: statements of the module added"]


def two_helpers(first, second):
    return {
        "src/hearlog/numbers.py": "from hearlog import a, b\ndef double(x): return a.helper(x) - b.helper(x)",
        "src/hearlog/a.py": f"def helper(x): return {first}",
        "src/hearlog/b.py": f"def helper(x): return {second}",
    }


def test_two_helpers_of_one_name_exchanged_are_two_changes():
    before, after = two_helpers("x + 1", "x"), two_helpers("x", "x + 1")
    assert named(after, before) == ["src/hearlog/a.py: helper changed", "src/hearlog/b.py: helper changed"]


def test_the_same_text_that_means_another_definition_is_named():
    before, after = two_helpers("x + 1", "x"), two_helpers("x + 1", "x")
    after["src/hearlog/numbers.py"] = before["src/hearlog/numbers.py"].replace("import a, b", "import b as a, a as b")
    assert named(after, before) == ["src/hearlog/numbers.py: double uses other definitions of the same names"]


def test_mutual_recursion_has_a_digest_that_changes_with_each_of_its_parts():
    text = "def double(x): return odd(x)\ndef odd(x): return x and even(x - 1)\ndef even(x): return not x or odd(x - 1)"
    before = {"src/hearlog/numbers.py": text}
    assert code(before).digest == code(before | {"src/hearlog/numbers.py": "# even, odd\n" + text}).digest
    after = {"src/hearlog/numbers.py": text.replace("not x", "x < 1")}
    assert named(after, before) == ["src/hearlog/numbers.py: even changed"]


def test_a_local_name_hides_the_global_one():
    text = "def double(helper): return [other for other in helper]\ndef helper(): return 1\ndef other(): return 1\n"
    reached = {key.name for key in code({"src/hearlog/numbers.py": text}).forms}
    assert not {"helper", "other"} & reached


def test_a_module_that_is_handed_on_counts_whole():
    before = {"src/hearlog/numbers.py": "from hearlog import scale\ndef double(x): return getattr(scale, 'OTHER')"}
    after = before | {"src/hearlog/scale.py": "FACTOR = 2\nOTHER = 4\n"}
    assert named(after, before) == ["src/hearlog/scale.py: OTHER changed"]


def test_what_a_decorator_of_the_project_enters_in_a_table_counts():
    files = {
        "src/hearlog/table.py": "TABLE = []\ndef enter(f):\n    TABLE.append(f)\n    return f",
        "src/hearlog/numbers.py": "from hearlog.table import TABLE, enter\n"
        "def double(x): return TABLE[0](x)\n@enter\ndef entered(x): return x",
    }
    after = files | {
        "src/hearlog/numbers.py": files["src/hearlog/numbers.py"].replace("(x): return x", "(x): return 2 * x")
    }
    assert named(after, files) == ["src/hearlog/numbers.py: entered changed"]


def test_a_data_file_that_a_definition_names_counts():
    files = {
        "src/hearlog/numbers.py": "NAME = 'table.csv'\ndef double(x): return open(NAME)",
        "src/hearlog/table.csv": "1,2",
        "src/hearlog/other.csv": "1,2",
    }
    assert named(files | {"src/hearlog/table.csv": "1,3"}, files) == ["src/hearlog/table.csv: changed"]
    assert named(files | {"src/hearlog/other.csv": "1,3"}, files) == []


def test_every_data_file_counts_where_files_of_a_package_are_opened():
    files = {
        "src/hearlog/numbers.py": "from importlib import resources\n"
        "def double(x): return resources.files(__package__) / f'{x}.csv'",
        "src/hearlog/table.csv": "1,2",
    }
    assert named(files | {"src/hearlog/table.csv": "1,3"}, files) == ["src/hearlog/table.csv: changed"]


def test_a_place_counts_where_a_definition_asks_for_its_own():
    text = "from pathlib import Path\ndef double(x): return Path(__file__)"
    before = {"src/hearlog/numbers.py": text}
    moved = {"src/hearlog/numbers.py": "from hearlog.deep.numbers import double", "src/hearlog/deep/numbers.py": text}
    assert code(before).digest != code(moved).digest


def test_syntax_that_is_not_python_names_the_line():
    with pytest.raises(InputError, match=r"src/hearlog/numbers\.py: line 2: .*Correct it"):
        digest(
            {path: text.encode() for path, text in (FILES | {"src/hearlog/numbers.py": "\ndef"}).items()}, "stages.one"
        )


def test_a_missing_stage_is_named():
    with pytest.raises(InputError, match=r"stages/two\.py: not found"):
        Code(program(), "stages.two")


@given(st.randoms(use_true_random=False), st.sampled_from(["np", "n", "numeric", "FACTORS", "x_"]))
def test_order_of_definitions_and_names_of_imports_do_not_matter(order: random.Random, name):
    head, *parts = ast.parse(NUMBERS.replace("np", name)).body
    imports = [part for part in parts if isinstance(part, ast.ImportFrom | ast.Import)]
    definitions = [part for part in parts if part not in imports]
    order.shuffle(imports)
    order.shuffle(definitions)
    text = ast.unparse(ast.Module([head, *imports, *definitions], []))
    assert code({"src/hearlog/numbers.py": text}).digest == code().digest


@given(st.sampled_from(sorted(EQUAL)), st.sampled_from(sorted(DIFFERENT)))
def test_a_change_of_text_hides_no_other_change(harmless, harmful):
    both = {**EQUAL[harmless], **DIFFERENT[harmful][0]}
    if not EQUAL[harmless].keys() & DIFFERENT[harmful][0].keys():
        assert code(both).digest != code(EQUAL[harmless]).digest
