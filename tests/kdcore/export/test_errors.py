"""A reason is one line about the bottom of the matter, without this machine's folders."""

from kdcore.export import ExportError
from kdcore.export.errors import root_cause


def test_the_deepest_cause_is_named_and_folders_are_left_out() -> None:
    bottom = ImportError("cannot import name 'x' (/srv/app/lib/module.py),\n ratio 3/4 stays")
    top = RuntimeError("failed to export")
    top.__cause__ = bottom
    assert root_cause(top) == "ImportError: cannot import name 'x' (module.py), ratio 3/4 stays"


def test_a_long_reason_is_cut() -> None:
    assert len(root_cause(ValueError("word " * 1000))) == 300


def test_an_export_error_carries_the_engines_code() -> None:
    assert (ExportError("why").code, str(ExportError("why"))) == ("export_failed", "why")
