"""The methods' pages are those that the table of methods gives."""

from pathlib import Path

from kdcore.spec.pages import pages, write

FOLDER = Path(__file__).parents[3] / "docs" / "methods"


def test_the_pages_in_the_repository_are_up_to_date():
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert there == pages(), "run `make pages`"


def test_a_page_names_formula_options_source_and_reconstruction():
    page = pages()["mokd.md"]
    assert "L(student) = cross_entropy[labels]" in page
    assert "arXiv 2505.08170" in page
    assert "## What is reconstruction" in page


def test_pages_of_methods_that_are_gone_are_removed(tmp_path):
    (tmp_path / "gone.md").write_text("old")
    write(tmp_path)
    assert not (tmp_path / "gone.md").exists()
    assert (tmp_path / "README.md").exists()
