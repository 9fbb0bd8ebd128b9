"""A long table in an output is cut in the page of its notebook, which says so and links the rest; everything else stays."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from runbook.report import longtables
from runbook.report.longtables import CELLS, ROWS, shortened
from runbook.report.plain import notebook_page


def cut(html: str) -> str:
    return shortened(html, "a b.ipynb")


def rows(count: int, cell: str = "x") -> str:
    return f"<tr><td>{cell}</td></tr>" * count


class Balance(HTMLParser):
    """Fails where an end tag closes something else than what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.open
        while self.open.pop() != tag:
            pass


def balanced(html: str) -> bool:
    reader = Balance()
    reader.feed(html)
    reader.close()
    return not reader.open


class TestPage:
    def page(self, folder: Path, *htmls: str) -> tuple[str, str]:
        v4: Any = nbformat.v4
        outputs = [v4.new_output("display_data", {"text/html": h, "text/plain": "a table"}) for h in htmls]
        notebook = folder / "my report.ipynb"
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("table", outputs=outputs)]), notebook)  # type: ignore[no-untyped-call]
        before = notebook.read_text()
        return notebook_page(notebook).read_text(), "" if notebook.read_text() != before else before

    def test_twenty_thousand_rows_of_pandas_are_cut_in_the_page_alone(self, tmp_path: Path) -> None:
        table = pd.DataFrame({"number": range(20_000), "half": [n / 2 for n in range(20_000)]}).to_html()
        page, notebook = self.page(tmp_path, table, "<b>after it</b>")
        assert page.count("<tr") == ROWS
        assert "<th>398</th>" in page
        assert "<th>399</th>" not in page
        assert '<p>19,601 more rows of this table stand in <a href="my%20report.ipynb">my report.ipynb</a>.</p>' in page
        assert page.index("</table>") < page.index("19,601 more") < page.index("<b>after it</b>")
        assert json.loads(notebook)["cells"][0]["outputs"][0]["data"]["text/html"][-2].strip() == "</tbody>"
        assert "<th>19999</th>" in notebook

    def test_a_page_without_a_long_table_is_nbconverts(self, tmp_path: Path) -> None:
        from nbconvert.exporters import HTMLExporter

        page, _ = self.page(tmp_path, pd.DataFrame({"a": range(ROWS - 1)}).to_html())
        theirs, _ = HTMLExporter().from_filename(str(tmp_path / "my report.ipynb"))  # type: ignore[no-untyped-call]
        assert page == theirs


class TestCut:
    @pytest.mark.parametrize("head", ["", "<thead><tr><th>x</th></tr></thead>"])
    def test_the_head_counts_and_the_last_row_that_fits_stays(self, head: str) -> None:
        fits = f"<table>{head}<tbody>{rows(ROWS - bool(head))}</tbody></table>"
        assert cut(fits) == fits
        more = fits.replace("</tbody>", f"{rows(1)}</tbody>")
        assert cut(f"before{more}after") == "before" + fits.replace("</tbody>", "") + (
            '<p>1 more row of this table stands in <a href="a%20b.ipynb">a b.ipynb</a>.</p>after'
        )

    def test_each_table_has_its_own_rows_and_its_own_words(self) -> None:
        found = cut(f"<table>{rows(ROWS + 1)}</table>" * 2 + f"<TABLE>{rows(3).upper()}</TABLE>")
        assert found.lower().count("<tr") == 2 * ROWS + 3
        assert found.count("1 more row of") == 2

    def test_tables_in_a_table_share_its_rows_and_it_is_said_once(self) -> None:
        inner = f"<table>{rows(99)}</table>"
        found = cut(f"<table>{rows(10, inner)}</table><p>after</p>")
        assert found.count("<tr") == ROWS
        assert "6 more rows of this table stand in" in found
        assert found.endswith("</p><p>after</p>")
        assert balanced(found)

    def test_a_long_table_in_a_cell_leaves_what_comes_after_it(self) -> None:
        found = cut(f"<table><tr><td><table>{rows(1_000)}</table>end</td><td>next</td></tr></table>after")
        assert found.count("<tr") == ROWS
        assert "</table>end</td><td>next</td></tr></table><p>601 more rows" in found
        assert balanced(found)

    @pytest.mark.parametrize("depth", [2, ROWS - 1, 10_000])
    def test_tables_nested_without_end_are_cut_and_closed(self, depth: int) -> None:
        found = cut("<table><tr><td>" * depth + f"<table>{rows(ROWS)}")
        assert found.count("<tr") == ROWS
        assert found.count("<table") == found.count("</table>") <= ROWS + 1

    def test_rows_that_are_left_open_are_rows(self) -> None:
        found = cut("<table>" + "<tr><td>x" * (ROWS + 5))
        assert found == "<table>" + "<tr><td>x" * ROWS + "</table>" + found.partition("</table>")[2]
        assert "5 more rows" in found

    def test_very_wide_rows_end_it_sooner(self) -> None:
        wide = f"<tr>{'<td>x' * 300}</tr>"
        found = cut(f"<table>{wide * 200}</table>")
        assert found.count("<tr") == -(-CELLS // 300)
        assert f"{200 - found.count('<tr'):,} more rows" in found

    @pytest.mark.parametrize(
        "text",
        [
            "<!-- {} -->", "<script>{}</script>", "<STYLE>{}</style>", '<div title="{}">x</div>', "<a b = '{}'>x</a>",
            "<textarea>{}</textarea>", "{}",
        ],
    )  # fmt: skip
    def test_what_only_looks_like_rows_is_none(self, text: str) -> None:
        whole = text.format("<tr>" * (ROWS + 1))
        assert cut(whole) == whole
        around = f"<table>{rows(1)}{whole}</table>"
        assert (cut(around) == around) == (text != "{}")

    def test_the_ends_of_tables_in_comments_and_attributes_end_nothing(self) -> None:
        odd = '<tr><td title="</table>"><!-- </table> <tr> --><p it\'s>x</p></td></tr>'
        found = cut(f"<table>{odd * (ROWS + 7)}</table>after")
        assert found.startswith(f"<table>{odd * ROWS}</table><p>7 more rows")

    @pytest.mark.parametrize("open_", ["<!--", "<script>", "<a ", '<td a="', "<"])
    def test_what_is_never_closed_is_not_read_again_and_again(
        self, open_: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where a browser shows nothing any more, nothing is looked for either."""
        seen: list[str] = []
        real = longtables._tags
        monkeypatch.setattr(longtables, "_tags", lambda html: (seen.append(t[0]) or t for t in real(html)))
        found = cut(f"<table>{rows(ROWS + 1)}{open_ * 20_000}")
        assert found.endswith("</p>")
        assert len(seen) <= 2 + 4 * (ROWS + 1) + 20_000 * (open_ == '<td a="')

    def test_a_file_with_an_odd_name_is_named_and_linked(self) -> None:
        found = shortened(f"<table>{rows(ROWS + 1)}</table>", "a:<b>&'\".ipynb")
        assert re.search(r'<a href="a%3A%3Cb%3E%26%27%22.ipynb">a:&lt;b&gt;&amp;&#x27;&quot;.ipynb</a>', found)
