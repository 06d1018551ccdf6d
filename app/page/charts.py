"""The charts, each with the sentence that says the same to who cannot see it."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from words import REASONS, reason_kind

Chart = alt.Chart | alt.LayerChart | alt.FacetChart

BAR_HEIGHT = 30  # pixels of a horizontal bar with the gap below it
CHART_HEIGHT = 320
FRAME_HEIGHT = 110  # of axis, title and legend, which count as part of a chart
POINTS_SHOWN = 40  # epochs: a longer curve is a plain line
LABEL_LIMIT = 200  # pixels of a name beside a bar
LENGTHS_SHOWN = 2.5  # upper fences: longer sequences are counted in the sentence, not drawn
FENCE_COLOR = "#e11d48"  # readable on light and on dark
NO_BREAK = "\u00a0"
LEGEND: dict[str, Any] = {"orient": "bottom", "titleOrient": "left"}


def show(chart: Chart, sentence: str, table: pd.DataFrame | None = None, key: str | None = None) -> None:
    """A chart, its sentence below it and for screen readers, and its numbers where they are asked for."""
    st.altair_chart(chart, alt=sentence)
    st.caption(sentence)
    if table is None:
        return
    numbers = st.expander(
        "The numbers of this chart", icon=":material/table:", key=f"numbers of {key}", on_change="rerun"
    )
    if numbers.open:
        numbers.dataframe(table, hide_index=True, alt=f"Numbers of the chart: {sentence}")


def percent(share: float) -> str:
    """0.3095 -> 31.0 %, which never breaks; small ones keep two digits that count."""
    return f"{100 * share:.1f}{NO_BREAK}%" if share >= 0.001 or share == 0 else f"{100 * share:.2g}{NO_BREAK}%"


# ------------------------------------------------------------------ an answer


def scores(answer: pd.DataFrame, top: float | None = None) -> Chart:
    """top: end of the scale, where several answers share one."""
    names = answer.assign(name=label(answer), shown=answer["score"].map(percent), why=answer["reason"].map(reason_kind))
    base = alt.Chart(names).encode(
        y=alt.Y("name:N", sort=names["name"].tolist(), title="Item", axis=alt.Axis(labelOverlap=False)),
        x=alt.X(
            "score:Q",
            title="Score",
            axis=alt.Axis(format="~%", tickCount=4, labelFlush=True),
            scale=alt.Undefined if top is None else alt.Scale(domain=[0, top]),
        ),
    )
    # All reasons are in the domain, so that a color keeps its meaning.
    scale = alt.Scale(domain=[*REASONS, *sorted(set(names["why"]) - set(REASONS))])
    bars = base.mark_bar(cornerRadiusEnd=3).encode(
        color=alt.Color(
            "why:N",
            title="Why",
            scale=scale,
            legend=alt.Legend(values=names["why"].unique().tolist(), columns=3, **LEGEND),
        ),
        tooltip=[
            alt.Tooltip("item:N", title="Item"),
            alt.Tooltip("category:N", title="Category"),
            alt.Tooltip("shown:N", title="Score"),
            alt.Tooltip("confidence:Q", title="Confidence", format=".1%"),
            alt.Tooltip("reason:N", title="Why"),
        ],
    )
    return bars.properties(height=BAR_HEIGHT * len(names) + FRAME_HEIGHT)


def label(answer: pd.DataFrame) -> pd.Series:
    """What an item is called beside its bar: its name, with its id where another one has the same."""
    ids = answer["item"].astype(str)
    if "name" not in answer:
        return ids
    names = answer["name"].fillna(ids)
    return names.where(~names.duplicated(keep=False), names + " (" + ids + ")")


def scores_sentence(answer: pd.DataFrame) -> str:
    if answer.empty:
        return "No item is left to recommend."
    first = answer.iloc[0]
    said = f"Item {first['item']} comes first with a score of {percent(first['score'])}"
    if len(answer) > 1:
        rest = [
            f"item {item} with {percent(score)}"
            for item, score in zip(answer["item"][1:4], answer["score"][1:4], strict=True)
        ]
        said += ", then " + ", ".join(rest)
    return said + "."


# ------------------------------------------------------------------ training


def curve(epochs: pd.DataFrame, best_epoch: int) -> Chart:
    """Training and validation loss by epoch, with a rule at the epoch whose weights were kept."""
    losses = epochs.rename(columns={"loss": "training", "val_loss": "validation"}).melt(
        "epoch", ["training", "validation"], var_name="windows", value_name="loss"
    )
    lines = (
        alt.Chart(losses.dropna())
        .mark_line(point=len(epochs) <= POINTS_SHOWN)
        .encode(
            x=alt.X(
                "epoch:Q",
                title="Epoch",
                axis=alt.Axis(tickMinStep=1, format="d"),
                scale=alt.Scale(zero=False, nice=False),
            ),
            y=alt.Y("loss:Q", title="Loss", scale=alt.Scale(zero=False)),
            color=alt.Color("windows:N", title="Windows", legend=alt.Legend(symbolType="stroke", **LEGEND)),
            strokeDash=alt.StrokeDash("windows:N", title="Windows"),
            tooltip=["epoch:Q", "windows:N", alt.Tooltip("loss:Q", format=".4f")],
        )
    )
    kept = alt.Chart(pd.DataFrame({"epoch": [best_epoch], "name": ["kept"]})).encode(
        x="epoch:Q", color=alt.value(FENCE_COLOR)
    )
    rule = kept.mark_rule(strokeDash=[4, 4])
    name = kept.mark_text(align="left", baseline="top", dx=6, fontSize=13).encode(y=alt.value(4), text="name:N")
    return alt.layer(lines, rule, name).properties(height=CHART_HEIGHT)


def curve_sentence(epochs: pd.DataFrame, best_epoch: int) -> str:
    first, last = epochs.iloc[0], epochs.iloc[-1]
    said = f"In {len(epochs)} epochs the training loss went from {first['loss']:.2f} to {last['loss']:.2f}"
    if pd.notna(first["val_loss"]):
        best = epochs.loc[epochs["epoch"] == best_epoch].iloc[0]
        said += (
            f"; the validation loss was lowest after epoch {best_epoch}, {best['val_loss']:.2f}, "
            f"when {percent(best['hit_rate'])} of the next items were among the best 5. Those weights were kept"
        )
    return said + "."


def methods(metrics: pd.DataFrame, k: int) -> Chart:
    bars = metrics.melt("method", ["hit_rate", "unseen_hit_rate"], var_name="targets", value_name="share")
    bars["targets"] = bars["targets"].map({"hit_rate": "all", "unseen_hit_rate": "new to the visitor"})
    return (
        alt.Chart(bars)
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            y=alt.Y("method:N", sort=metrics["method"].tolist(), title=None, axis=alt.Axis(labelLimit=LABEL_LIMIT)),
            yOffset="targets:N",
            x=alt.X("share:Q", title=f"Hit rate at {k}", axis=alt.Axis(format="~%", tickCount=4, labelFlush=True)),
            color=alt.Color("targets:N", title="Next items", legend=alt.Legend(**LEGEND)),
            tooltip=["method:N", "targets:N", alt.Tooltip("share:Q", title="Hit rate", format=".1%")],
        )
        .properties(height=2 * BAR_HEIGHT * len(metrics) + FRAME_HEIGHT)
    )


def methods_sentence(metrics: pd.DataFrame, k: int) -> str:
    said = [f"{method} {percent(hit_rate)}" for method, hit_rate in metrics[["method", "hit_rate"]].to_numpy()]
    return f"Share of {int(metrics['cases'].max())} visitors whose next item is among the best {k}: {', '.join(said)}."


# ------------------------------------------------------------------ data


def lengths(counts: pd.DataFrame, bounds: pd.Series) -> Chart:
    """How many visitors have how many events; the fences as rules, what is between them shaded."""
    drawn = counts[counts["length"] <= LENGTHS_SHOWN * bounds["upper_fence"]]
    edges = drawn.assign(low=drawn["length"] - 0.4, high=drawn["length"] + 0.4)
    events = alt.Scale(domain=[0.5, max(drawn["length"].max(), bounds["upper_fence"]) + 0.5], nice=False)
    bars = (
        alt.Chart(edges)
        .mark_rect()
        .encode(
            x=alt.X("low:Q", title="Events of a visitor", scale=events, axis=alt.Axis(tickMinStep=1, format="d")),
            x2="high:Q",
            y=alt.Y("visitors:Q", title="Visitors (root scale)", scale=alt.Scale(type="sqrt")),
            y2=alt.datum(0),
            tooltip=[alt.Tooltip("length:Q", title="Events"), alt.Tooltip("visitors:Q", title="Visitors", format=",")],
        )
    )
    fence = pd.DataFrame({"low": [bounds["lower_fence"]], "high": [bounds["upper_fence"]], "name": ["upper fence"]})
    band = (
        alt.Chart(fence.assign(what="inside the fences"))
        .mark_rect(opacity=0.12, clip=True)
        .encode(x="low:Q", x2="high:Q", fill=alt.Fill("what:N", title="Shaded", legend=alt.Legend(**LEGEND)))
    )
    rule = alt.Chart(fence).encode(x="high:Q", color=alt.value(FENCE_COLOR))
    line = rule.mark_rule(strokeDash=[6, 4], strokeWidth=2)
    label = rule.mark_text(align="left", baseline="top", dx=6, fontSize=13).encode(y=alt.value(4), text="name:N")
    return alt.layer(bars, band, line, label).properties(height=CHART_HEIGHT)


def lengths_sentence(counts: pd.DataFrame, bounds: pd.Series) -> str:
    beyond = counts[counts["length"] > LENGTHS_SHOWN * bounds["upper_fence"]]
    outside = counts.loc[counts["length"] > bounds["upper_fence"], "visitors"].sum()
    said = (
        f"Half of the longer histories have {bounds['q1']:g} to {bounds['q3']:g} events; "
        f"the fence is at {bounds['upper_fence']:g}, and {outside:,} visitors have more."
    )
    if not beyond.empty:
        said += f" {beyond['visitors'].sum():,} are too long to be drawn, up to {beyond['length'].max():,} events."
    return said


def days(events: pd.DataFrame) -> Chart:
    return (
        alt.Chart(events)
        .mark_area(opacity=0.85)
        .encode(
            x=alt.X("day:T", title="Day (UTC)", axis=alt.Axis(format="%-d %b %Y", labelOverlap=True)),
            y=alt.Y("events:Q", title="Events a day", stack=True),
            color=alt.Color("event:N", title="Kind", legend=alt.Legend(**LEGEND)),
            tooltip=[alt.Tooltip("day:T", title="Day"), "event:N", alt.Tooltip("events:Q", format=",")],
        )
        .properties(height=CHART_HEIGHT)
    )


def days_sentence(events: pd.DataFrame) -> str:
    total = events.groupby("day")["events"].sum()
    kinds = events.groupby("event")["events"].sum()
    said = " and ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    return (
        f"{said} events from {total.index.min():%d %b %Y} to {total.index.max():%d %b %Y}, "
        f"{total.mean():,.0f} a day; most on {total.idxmax():%d %b}, {total.max():,}."
    )
