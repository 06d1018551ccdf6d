"""Rows of the table, the page they are written to, and the plot."""

import dataclasses
import math
import statistics
import typing


@dataclasses.dataclass
class Row:
    """One line of the table: samples of recseq, and of a peer where there is one."""

    what: str
    unit: str
    recseq: list
    peer: str = ""
    other: list = dataclasses.field(default_factory=list)
    more_is_better: bool = False
    bar: typing.Optional[tuple] = None  # ("ratio" or "value", "<" or ">=", limit)
    recseq_name: str = "recseq"

    @property
    def ratio(self):
        """How many times better recseq is than the peer."""
        ours, theirs = statistics.median(self.recseq), statistics.median(self.other)
        return ours / theirs if self.more_is_better else theirs / ours

    @property
    def holds(self):
        kind, sign, limit = self.bar
        value = self.ratio if kind == "ratio" else statistics.median(self.recseq)
        return value < limit if sign == "<" else value >= limit

    def cells(self):
        bar = verdict = ratio = ""
        if self.other:
            ratio = f"**{number(self.ratio)}×**"
        if self.bar:
            kind, sign, limit = self.bar
            bar = f"{'≥' if sign == '>=' else sign} {number(limit)}" + ("×" if kind == "ratio" else f" {self.unit}")
            verdict = "holds" if self.holds else "**fails**"
        return [self.what, self._samples(self.recseq), self.peer, self._samples(self.other), ratio, bar, verdict]

    def _samples(self, samples):
        if not samples:
            return ""
        text = f"{number(statistics.median(samples))} {self.unit}"
        if len(samples) > 1:
            text += f" ({number(min(samples))}..{number(max(samples))})"
        return text


HEADINGS = ["what", "recseq: median (min..max)", "beside", "its median (min..max)", "ratio", "bar", ""]


def number(value):
    """Three digits, without an exponent."""
    if value >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def table(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


# ---------------------------------------------------------------- the plot

PANEL, MARGIN = 210, 62


@dataclasses.dataclass
class Panel:
    """One curve: what doubles, and what that costs; both axes are logarithmic."""

    x_label: str
    y_label: str
    points: list  # of (x, y)


def plot(path, rows):
    """Write rows of panels as SVG. The dashed line is what a cost in proportion would be."""
    width = len(rows[0]) * (PANEL + MARGIN) + MARGIN // 2
    height = len(rows) * (PANEL + MARGIN) + MARGIN // 2
    body = [
        _panel(panel, MARGIN + column * (PANEL + MARGIN), MARGIN // 2 + line * (PANEL + MARGIN))
        for line, panels in enumerate(rows)
        for column, panel in enumerate(panels)
    ]
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")


def _panel(panel, left, top):
    xs, ys = [x for x, _ in panel.points], [y for _, y in panel.points]
    doublings = math.log2(xs[-1] / xs[0])
    # The same scale on both axes, so that proportion is a slope of one; the curve's middle in the panel's.
    middle = (math.log2(min(ys)) + math.log2(max(ys))) / 2
    low = middle - max(doublings, math.log2(max(ys) / min(ys))) / 2 - 0.3
    scale = PANEL / (2 * (middle - low))

    def place(x, y):
        return (left + PANEL * (math.log2(x / xs[0]) + 0.3) / (doublings + 0.6), top + PANEL - scale * (math.log2(y) - low))

    points = [place(x, y) for x, y in panel.points]
    first = panel.points[0]
    proportional = [place(*first), place(xs[-1], first[1] * xs[-1] / first[0])]
    clip = f"panel{left}x{top}"
    parts = [
        f'<clipPath id="{clip}"><rect x="{left}" y="{top}" width="{PANEL}" height="{PANEL}"/></clipPath>',
        f'<rect x="{left}" y="{top}" width="{PANEL}" height="{PANEL}" fill="none" stroke="#999"/>',
        f'<polyline points="{_path(proportional)}" clip-path="url(#{clip})" fill="none" stroke="#999" stroke-dasharray="4 3"/>',
        f'<polyline points="{_path(points)}" fill="none" stroke="#336791" stroke-width="2"/>',
        f'<text x="{left + PANEL / 2}" y="{top + PANEL + 30}" text-anchor="middle">{panel.x_label}</text>',
        f'<text x="{left}" y="{top - 6}">{panel.y_label}</text>',
    ]
    for (x, y), (place_x, place_y) in zip(panel.points, points):
        parts += [
            f'<circle cx="{place_x:.1f}" cy="{place_y:.1f}" r="3" fill="#336791"/>',
            f'<text x="{place_x:.1f}" y="{top + PANEL + 15}" text-anchor="middle">{number(x)}</text>',
            f'<text x="{left - 5}" y="{place_y + 4:.1f}" text-anchor="end">{number(y)}</text>',
        ]
    return "\n".join(parts)


def _path(points):
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
