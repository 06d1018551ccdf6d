"""The ranker of the second stage beside LightGBM's lambdarank, on the same features of the same candidates."""

import json
import subprocess

from common import HERE, OUT, Session, by_mode
from report import Row, number, table

ROUNDS = by_mode([100, 400], [50])  # trees of the peer
TURNS = by_mode(3, 1)
FEATURES = 83  # RANK_FEATURES (src/rank/features.h)

# Vocabulary as of a training: by falling count; sequences in the order of their ends.
EVENTS = """
COPY (
	WITH s AS (SELECT row_number() OVER (ORDER BY times[cardinality(times)], visitorid) - 1 AS n, * FROM retailrocket.sequences),
	i AS (SELECT item, row_number() OVER (ORDER BY count(*) DESC, item) - 1 AS id FROM s, unnest(items) item GROUP BY item),
	c AS (SELECT category, row_number() OVER (ORDER BY category) AS id FROM (SELECT DISTINCT unnest(categories) AS category FROM s) d WHERE category <> 0),
	z AS (SELECT min(times[1]) AS first FROM s)
	SELECT n, i.id, coalesce(c.id, 0), (e.kind = 'transaction')::int, extract(epoch FROM e.at - z.first) / 3600
	FROM z, s CROSS JOIN LATERAL unnest(items, categories, times, events) WITH ORDINALITY e(item, category, at, kind, place)
	JOIN i ON i.item = e.item LEFT JOIN c ON c.category = e.category ORDER BY n, place
) TO STDOUT (DELIMITER ' ')
"""


def ours(events, examples=None):
    """What the program says of the ranker that reads all there is, by the first word of each line."""
    command = [OUT / "second_stage", events] + ([examples] if examples else [])
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    words = [line.split() for line in lines]
    full = next(line for line in words if line[0] == "full:")
    return {"fit_seconds": float(next(line[1] for line in words if line[0] == "fit_seconds")),
            "memory_mb": float(next(line[1] for line in words if line[0] == "memory_mb")),
            **{name: float(value) for name, value in zip(full[1::2], full[2::2])}}


def theirs(examples, rounds):
    command = [OUT / "venv" / "bin" / "python", HERE / "peers" / "lightgbm_ranker.py", examples, str(FEATURES), str(rounds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def second_stage(report):
    events, examples = OUT / "events.txt", OUT / "examples"
    with Session() as session, open(events, "w") as file:
        session.cursor.copy_expert(EVENTS, file)
    mine = [ours(events, examples)]
    peers = {rounds: [] for rounds in ROUNDS}
    for turn in range(TURNS):
        mine += [ours(events)] if turn > 0 else []
        for rounds in ROUNDS:
            peers[rounds].append(theirs(examples, rounds))
    rounds = ROUNDS[0]
    name = f"LightGBM {peers[rounds][0]['version']}, {rounds} trees"
    report.add(Row("the ranker, fitted to the same features, one core", "s", [one["fit_seconds"] for one in mine],
                   name, [one["fit_seconds"] for one in peers[rounds]], bar=("ratio", ">=", 1)))
    report.add(Row("its NDCG at 10 on newer sequences", "", [mine[0]["ndcg"]], name, [peers[rounds][0]["ndcg"]],
                   more_is_better=True, bar=("ratio", ">=", 0.99)))
    report.add(Row("scoring a candidate, one core", "ns", [1e9 * one["score_seconds"] / one["candidates"] for one in mine],
                   name, [1e9 * one["score_seconds"] / mine[0]["candidates"] for one in peers[rounds]]))
    sides = [("recseq", mine)] + [(f"LightGBM, {rounds} trees", peers[rounds]) for rounds in ROUNDS]
    report.note("The ranker of the second stage", (
        f"{mine[0]['lists']:,.0f} lists of the newest tenth of the sequences, {mine[0]['candidates']:,.0f} candidates, for both sides the same; "
        "only lists that have their target. Memory is that of the whole process, at its most.\n\n") + table(
            ["", "fit, s", "NDCG at 10", "hit rate at 5", "scoring all, s", "memory, MB"],
            [[side, number(min(one["fit_seconds"] for one in runs)), f"{runs[0]['ndcg']:.4f}", f"{runs[0]['hit_rate']:.4f}",
              number(min(one["score_seconds"] for one in runs)), number(runs[0]["memory_mb"])] for side, runs in sides]))
