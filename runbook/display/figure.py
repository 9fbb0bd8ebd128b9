"""Figures: small PNGs drawn by matplotlib without a screen, each with alt text and the same numbers as a table.

matplotlib is imported when a figure is drawn, never before: a terminal does not pay for it. Nothing in a figure
depends on the time or the machine, so that two drawings are the same bytes.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, cast

from runbook.display.blocks import Shown
from runbook.display.table import Table
from runbook.display.texts import TEXT_WIDTH, ascii_text, one_line, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, LINE = "#111111", "#565e68", "#d9dcdf"
# Okabe-Ito tints: dark ink stays readable on them on white, and in dark mode when the page inverts the picture.
FILLS = {"p": "#70caae", "f": "#f9ab8b", "w": "#f0b840", "x": "#93cdf0", "e": "#e3a8c8", "n": "#c9ced4"}
CAUSE_FILLS = (("#93cdf0", ""), ("#F0E442", ".."), ("#f0b840", "//"), ("#e3a8c8", "--"), ("#c9ced4", "xx"))
_DPI = 160
_DRAWN = "→·×–…“”’✔✗"  # beyond ASCII, DejaVu Sans has these for certain
_COLOURS = 64
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "figure.facecolor": "#ffffff",
    "axes.facecolor": "#ffffff",
    "text.color": "#1a1e23",
    "xtick.color": MUTED,
    "ytick.color": "#1a1e23",
    "axes.edgecolor": LINE,
    "hatch.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "ytick.major.size": 0,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
}


class Figure(Shown):
    """A drawing with its caption, its alt text in words with the numbers, and the table beside it.

    `draw` gets an axes of `inches` (wide, high); the caption is the title, so it must not draw one.
    """

    __slots__ = ("_png", "alt", "caption", "draw", "inches", "table")

    def __init__(
        self,
        draw: Callable[[Axes], None],
        *,
        caption: str,
        alt: str,
        table: Table,
        inches: tuple[float, float] = (7.0, 1.9),
    ) -> None:
        self.draw, self.caption, self.alt, self.table, self.inches = draw, caption, alt, table, inches
        self._png: bytes | None = None

    def png(self) -> bytes:
        """The picture: 64 colours, the same bytes each time it is drawn."""
        if self._png is None:
            self._png = _paint(self.draw, self.inches)
        return self._png

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return round(self.inches[0] * _DPI), round(self.inches[1] * _DPI)

    def html(self, *, page: bool = False) -> str:
        """A figure element with the picture inside it, its caption, and its table."""
        data = base64.b64encode(self.png()).decode()
        wide, high = self.size
        image = f'<img src="data:image/png;base64,{data}" width="{wide}" height="{high}" alt="{escape(one_line(self.alt))}">'
        label = escape(one_line(self.caption))
        box = f' tabindex="0" role="region" aria-label="Figure, scrolls sideways: {label}"' if page else ""
        return (
            f'<figure><div class="plate"{box}>{image}</div><figcaption>{label}</figcaption></figure>'
            + self.table.html(page=page)
        )

    def text(self) -> str:
        """The alt text and the table: the same numbers without the picture."""
        return "\n".join([*wrap(one_line(self.alt), TEXT_WIDTH), "", self.table.text()])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:
        # nbconvert and Lab read the alt text from here; text/html would win over the picture, so there is none.
        wide, high = self.size
        alt = one_line(self.alt)
        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.text()}
        return data, {"image/png": {"alt": alt, "width": wide // 2, "height": high // 2}}

    def _repr_html_(self) -> str:  # pragma: no cover  the bundle above is what a notebook asks
        return self.html()


def label(text: str) -> str:
    """Foreign text for a drawing: one short line in glyphs the font is known to have, because a font has no glyph for everything."""
    shown = "".join(c if c in _DRAWN else ascii_text(c) for c in one_line(text))
    return shown if len(shown) <= 60 else shown[:57] + "…"


def _paint(draw: Callable[[Axes], None], inches: tuple[float, float]) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas
    from PIL import Image

    raw, small = io.BytesIO(), io.BytesIO()
    with mpl.rc_context(cast(Any, _STYLE)):
        canvas = Canvas(figsize=inches, layout="constrained")
        FigureCanvasAgg(canvas)
        draw(canvas.add_subplot())
        canvas.savefig(raw, dpi=_DPI, format="png", metadata={"Software": None})
    with Image.open(raw) as picture:
        flat = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        flat.save(small, format="PNG", optimize=True)
    return small.getvalue()
