"""Charts as inline SVG, made of numbers only: no text of the tenant, no script, no style of their own.

A drawing fills its box whatever the box's shape (its lines keep their width by `vector-effect`), and words stand
beside it in the page, so that they stay readable at any width and on paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 1000.0, 100.0
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """What the edges of a drawing stand for: x from `left` to `right`, y from 0 to `top`."""

    left: float
    right: float
    top: float

    def x(self, value: float) -> float:
        return WIDTH * (value - self.left) / ((self.right - self.left) or 1.0)

    def y(self, value: float) -> float:
        return HEIGHT - HEIGHT * value / (self.top or 1.0)


def nice(most: float) -> float:
    """The next round number above, for the upper edge of a scale: 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of
    ten."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(
        step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= most * 1.02 or step == 10
    )


def drawing(label: str, *parts: Markup) -> Markup:
    """`label` says in words what is drawn, for those who don't see it."""
    return Markup(
        '<svg viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, label, Markup("").join(parts))


def area(frame: Frame, points: Sequence[Point]) -> Markup:
    """A line and what is below it."""
    if not points:
        return Markup("")
    line = " ".join(_at(frame, point) for point in points)
    first, last = frame.x(points[0][0]), frame.x(points[-1][0])
    return Markup('<polygon class="fill" points="{:.1f},{:.1f} {} {:.1f},{:.1f}"/>').format(
        first, HEIGHT, line, last, HEIGHT
    ) + Markup('<polyline class="line" points="{}"/>').format(line)


def level(frame: Frame, value: float) -> Markup:
    """A dashed line across, for a target."""
    y = frame.y(value)
    return Markup('<line class="goal" x1="0" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>').format(WIDTH, y, y)


def marks(frame: Frame, values: Sequence[float]) -> Markup:
    """A full-height line at each x, for what is missing."""
    return Markup("").join(
        Markup('<line class="miss" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1:.0f}"/>').format(frame.x(at), HEIGHT)
        for at in values
    )


def strip(label: str, tones: Sequence[str]) -> Markup:
    """One cell a value, side by side; a tone is one of our class names."""
    wide = WIDTH / max(1, len(tones))
    return drawing(
        label,
        *(
            Markup('<rect class="{}" x="{:.1f}" y="0" width="{:.1f}" height="{:.0f}"/>').format(
                tone, place * wide, wide * 0.86, HEIGHT
            )
            for place, tone in enumerate(tones)
        ),
    )


def _at(frame: Frame, point: Point) -> str:
    return f"{frame.x(point[0]):.1f},{frame.y(point[1]):.1f}"
