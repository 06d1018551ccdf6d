"""Plots of methods, as SVG."""

import math

WIDTH, HEIGHT, MARGIN = 380, 280, 60
COLOURS = {"model": "#336791", "recency": "#c0392b", "popularity": "#7f8c8d", "popularity in category": "#8e6c3a", "markov": "#27ae60",
           "vsknn": "#8e44ad", "stan": "#d68910"}
OTHER_COLOUR = "#555"  # of what has none above
NAMES = {"model": "recseq", "markov": "Markov", "vsknn": "VSKNN", "stan": "STAN"}


def _svg(path, width, height, parts):
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")


def _text(x, y, text, anchor="middle", colour="black", rotate=False):
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if rotate else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{turn}>{text}</text>'


def _ticks(highest):
    """Round steps from 0 to at least the highest value."""
    step = next(step for step in (0.05, 0.1, 0.2) if highest / step <= 6)
    count = 0
    while count * step < highest:
        count += 1
    return [step * i for i in range(count + 1)]


def _frame(left, top, x_label, y_label, y_ticks):
    parts = [f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>',
             _text(left + WIDTH / 2, top + HEIGHT + 36, x_label), _text(left - 40, top + HEIGHT / 2, y_label, rotate=True)]
    for tick in y_ticks:
        y = top + HEIGHT * (1 - tick / y_ticks[-1])
        parts += [f'<line x1="{left}" x2="{left + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eee"/>', _text(left - 6, y + 4, f"{tick:.2g}", "end")]
    return parts


def scatter(path, panels, x_label, y_label):
    """panels: (title, [(method, x, y)]), x and y from 0 to 1."""
    parts = []
    for number, (title, points) in enumerate(panels):
        left, top = MARGIN + number * (WIDTH + MARGIN + 20), 30
        x_ticks, y_ticks = _ticks(max(x for _, x, _ in points)), _ticks(max(y for _, _, y in points))
        parts += _frame(left, top, x_label, y_label, y_ticks) + [_text(left + WIDTH / 2, top - 10, title)]
        parts += [_text(left + WIDTH * tick / x_ticks[-1], top + HEIGHT + 16, f"{tick:.2g}") for tick in x_ticks]
        for method, x, y in points:
            place_x, place_y = left + WIDTH * x / x_ticks[-1], top + HEIGHT * (1 - y / y_ticks[-1])
            right = place_x < left + WIDTH * 0.7
            parts += [f'<circle cx="{place_x:.1f}" cy="{place_y:.1f}" r="4" fill="{COLOURS[method]}"/>',
                      _text(place_x + (7 if right else -7), place_y + 4, NAMES.get(method, method), "start" if right else "end", COLOURS[method])]
    _svg(path, len(panels) * (WIDTH + MARGIN + 20) + 20, HEIGHT + 80, parts)


def cost(path, points, x_label, y_label):
    """points: (name, x, y); x on a logarithmic scale, y from 0. recseq's are in its colour."""
    left, top = MARGIN, 20
    y_ticks = _ticks(max(y for _, _, y in points))
    low = math.floor(math.log10(min(x for _, x, _ in points)))
    high = max(low + 1, math.ceil(math.log10(max(x for _, x, _ in points))))
    parts = _frame(left, top, x_label, y_label, y_ticks)
    parts += [_text(left + WIDTH * (power - low) / (high - low), top + HEIGHT + 16, f"{10**power:,}") for power in range(low, high + 1)]
    for name, x, y in points:
        place_x, place_y = left + WIDTH * (math.log10(x) - low) / (high - low), top + HEIGHT * (1 - y / y_ticks[-1])
        colour = COLOURS["model"] if name.startswith("recseq") else OTHER_COLOUR
        parts += [f'<circle cx="{place_x:.1f}" cy="{place_y:.1f}" r="4" fill="{colour}"/>', _text(place_x + 7, place_y + 4, name, "start", colour)]
    _svg(path, left + WIDTH + 160, HEIGHT + 70, parts)


def lines(path, labels, series, x_label, y_label):
    """series: a value a label, or None, for each method."""
    left, top = MARGIN, 20
    y_ticks = _ticks(max(value for values in series.values() for value in values if value is not None))
    parts = _frame(left, top, x_label, y_label, y_ticks)
    step = WIDTH / len(labels)
    parts += [_text(left + step * (i + 0.5), top + HEIGHT + 16, label) for i, label in enumerate(labels)]
    for row, (method, values) in enumerate(series.items()):
        points = [(left + step * (i + 0.5), top + HEIGHT * (1 - value / y_ticks[-1])) for i, value in enumerate(values) if value is not None]
        path_points = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts += [f'<polyline points="{path_points}" fill="none" stroke="{COLOURS[method]}" stroke-width="2"/>']
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[method]}"/>' for x, y in points]
        parts += [_text(left + WIDTH + 12, top + 14 + 16 * row, NAMES.get(method, method), "start", COLOURS[method])]
    _svg(path, left + WIDTH + 160, HEIGHT + 70, parts)
