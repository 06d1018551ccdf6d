"""Makes the dashboard "recseq" in a running Superset, through its API, and answers what its charts show.

    dashboard.py URL PASSWORD_FILE DATABASE_URI make     makes or renews the database, datasets, charts and dashboard
    dashboard.py URL PASSWORD_FILE DATABASE_URI check    asks for the data of every chart; fails where one has none

Everything is found by its name, so that making it twice makes it once.
"""

import json
import sys

import requests

TITLE = "recseq"
SLUG = "recseq"
ADMIN = "admin"
TIMEOUT = 120

# (schema, relation), or (name, query) for one that Superset keeps as a query of its own.
SIMILAR = "similar items"
DATASETS = {
    "recseq_model_metrics": {"schema": "public"},
    "recommendations": {"schema": "retailrocket"},
    "sequence_lengths": {"schema": "retailrocket"},
    "item_popularity": {"schema": "retailrocket"},
    "events_by_day": {"schema": "retailrocket", "main_dttm_col": "day"},
    SIMILAR: {
        "schema": "retailrocket",
        "sql": """SELECT p.rank AS popularity, p.itemid, s.rank, s.item AS similar_item, s.category, s.similarity
FROM (SELECT itemid, rank FROM retailrocket.item_popularity ORDER BY rank, itemid LIMIT 20) p,
     LATERAL public.recseq_similar_items(p.itemid, 5, (SELECT model FROM retailrocket.settings)) s""",
    },
}


def metric(sql, label):
    return {"expressionType": "SQL", "sqlExpression": sql, "label": label, "optionName": label}


def only(column, operator, value):
    return {"expressionType": "SIMPLE", "clause": "WHERE", "subject": column, "operator": operator, "comparator": value}


def table(columns, order, **params):
    """A table of rows as they are; order: columns, with a minus before those that fall."""
    return {"viz_type": "table", "query_mode": "raw", "all_columns": columns, "show_cell_bars": False,
            "order_by_cols": [json.dumps([column.removeprefix("-"), not column.startswith("-")]) for column in order],
            "server_pagination": True, "server_page_length": 10, **params}


def formats(**columns):
    return {"column_config": {column: {"d3NumberFormat": format} for column, format in columns.items()}}


def bars(x, metrics, **params):
    return {"viz_type": "echarts_timeseries_bar", "x_axis": x, "metrics": metrics, "groupby": [],
            "x_axis_sort_asc": True, "show_legend": False, **params}


# name: (dataset, width of 12, height, parameters); a row of the dashboard ends where 12 are full.
CHARTS = {
    "Hit rate at 5 by version": ("recseq_model_metrics", 4, 50, bars(
        "label", [metric("max(value)", "hit rate")], adhoc_filters=[only("metric", "==", "hit_rate")])),
    "Versions": ("recseq_model_metrics", 8, 50, table(
        ["label", "active", "metric", "value", "higher_is_better"], ["label", "metric"], server_pagination=False,
        **formats(value=",.4~f"))),
    "Recommendations of each visitor": ("recommendations", 8, 60, table(
        ["visitorid", "rank", "itemid", "category", "score", "confidence", "reason"], ["visitorid", "rank"],
        **formats(score=".1%", confidence=".1%"))),
    "Why": ("recommendations", 4, 60, {
        "viz_type": "pie", "groupby": ["reason_kind"], "metric": metric("count(*)", "recommendations"), "row_limit": 10,
        "label_type": "percent", "show_labels": True, "labels_outside": False, "show_legend": True, "innerRadius": 30}),
    "Most often shown first": ("recommendations", 6, 50, bars(
        "itemid", [metric("count(*)", "visitors")], adhoc_filters=[only("rank", "==", 1)], row_limit=20,
        xAxisForceCategorical=True, x_axis_sort="visitors", x_axis_sort_asc=False, order_desc=True)),
    "Similar to the most popular": (SIMILAR, 6, 50, table(
        ["itemid", "rank", "similar_item", "category", "similarity"], ["popularity", "itemid", "rank"],
        **formats(similarity=".3f"))),
    "Events by day": ("events_by_day", 6, 50, {
        "viz_type": "echarts_timeseries_line", "x_axis": "day", "time_grain_sqla": "P1D",
        "metrics": [metric("sum(events)", "events")], "groupby": ["event"], "row_limit": 10000, "show_legend": True}),
    "Length of sequences": ("sequence_lengths", 6, 50, bars(
        "length", [metric("sum(visitors)", "visitors")], xAxisForceCategorical=True, row_limit=1000)),
    "Popular items": ("item_popularity", 12, 50, table(
        ["rank", "itemid", "category", "views", "addtocarts", "transactions", "last_time"], ["rank", "itemid"],
        **formats(views=",d", addtocarts=",d", transactions=",d"))),
}


class Superset:
    """Its REST API, as the administrator."""

    def __init__(self, url, password):
        self.url = url
        self.session = requests.Session()
        token = self.call("post", "security/login", json={
            "username": ADMIN, "password": password, "provider": "db", "refresh": False})["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.session.headers["X-CSRFToken"] = self.call("get", "security/csrf_token/")["result"]
        self.session.headers["Referer"] = url

    def call(self, method, path, **options):
        answer = self.session.request(method, f"{self.url}/api/v1/{path}", timeout=TIMEOUT, **options)
        if not answer.ok:
            raise SystemExit(f"{method.upper()} {path}: {answer.status_code} {answer.text[:2000]}")
        return answer.json()

    def find(self, kind, column, value):
        """The id of an object, or None."""
        query = json.dumps({"filters": [{"col": column, "opr": "eq", "value": value}]})
        found = self.call("get", f"{kind}/", params={"q": query})["result"]
        return found[0]["id"] if found else None

    def keep(self, kind, column, body, fixed=()):
        """Makes an object, or renews all of it but what is fixed once it is made."""
        known = self.find(kind, column, body[column])
        if known is None:
            return self.call("post", f"{kind}/", json=body)["id"]
        self.call("put", f"{kind}/{known}", json={key: value for key, value in body.items() if key not in fixed})
        return known


def make_dataset(superset, database, name, definition):
    dataset = superset.find("dataset", "table_name", name)
    if dataset is None:
        body = {"database": database, "table_name": name, "schema": definition["schema"]}
        if "sql" in definition:
            body["sql"] = definition["sql"]
        dataset = superset.call("post", "dataset/", json=body)["id"]
    superset.call("put", f"dataset/{dataset}/refresh")
    if "main_dttm_col" in definition:
        columns = superset.call("get", f"dataset/{dataset}")["result"]["columns"]
        keys = ("id", "column_name", "type", "verbose_name", "description", "expression", "filterable", "groupby", "is_active")
        superset.call("put", f"dataset/{dataset}", json={
            "main_dttm_col": definition["main_dttm_col"],
            "columns": [{**{key: column[key] for key in keys},
                         "is_dttm": column["column_name"] == definition["main_dttm_col"]} for column in columns]})
    return dataset


def query_context(dataset, params):
    """What Superset asks the database for a chart."""
    columns = list(params.get("all_columns") or params.get("groupby", []))
    if "x_axis" in params:
        columns.insert(0, params["x_axis"])
    metrics = params.get("metrics") or ([params["metric"]] if "metric" in params else None)
    order = [json.loads(entry) for entry in params.get("order_by_cols", [])]
    return {
        "datasource": {"id": dataset, "type": "table"},
        "force": False,
        "queries": [{
            "columns": columns,
            "metrics": metrics,
            "filters": [{"col": entry["subject"], "op": entry["operator"], "val": entry["comparator"]}
                        for entry in params.get("adhoc_filters", [])],
            "orderby": order,
            "row_limit": params.get("row_limit", 1000),
        }],
        "form_data": params,
        "result_format": "json",
        "result_type": "full",
    }


def make_chart(superset, datasets, name):
    dataset, _, _, params = CHARTS[name]
    params = {"datasource": f"{datasets[dataset]}__table", "adhoc_filters": [], **params}
    return superset.keep("chart", "slice_name", {
        "slice_name": name,
        "viz_type": params["viz_type"],
        "datasource_id": datasets[dataset],
        "datasource_type": "table",
        "params": json.dumps(params),
        "query_context": json.dumps(query_context(datasets[dataset], params)),
    })


def layout(charts):
    """Rows of charts, as Superset stores the layout of a dashboard."""
    grid = {"DASHBOARD_VERSION_KEY": "v2",
            "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
            "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": [], "parents": ["ROOT_ID"]},
            "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": TITLE}}}
    used = 12
    for name, chart in charts.items():
        _, width, height, _ = CHARTS[name]
        if used + width > 12:
            row = f"ROW-{len(grid['GRID_ID']['children']) + 1}"
            grid["GRID_ID"]["children"].append(row)
            grid[row] = {"id": row, "type": "ROW", "children": [], "parents": ["ROOT_ID", "GRID_ID"],
                         "meta": {"background": "BACKGROUND_TRANSPARENT"}}
            used = 0
        used += width
        key = f"CHART-{chart}"
        grid[row]["children"].append(key)
        grid[key] = {"id": key, "type": "CHART", "children": [], "parents": ["ROOT_ID", "GRID_ID", row],
                     "meta": {"chartId": chart, "sliceName": name, "width": width, "height": height}}
    return grid


def visitor_filter(dataset):
    return {
        "id": "NATIVE_FILTER-visitor", "type": "NATIVE_FILTER", "filterType": "filter_select", "name": "Visitor",
        "targets": [{"datasetId": dataset, "column": {"name": "visitorid"}}],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "cascadeParentIds": [], "description": "",
        "controlValues": {"multiSelect": True, "enableEmptyFilter": False, "searchAllOptions": True},
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
    }


def make(superset, database_uri):
    database = superset.keep("database", "database_name", {"database_name": TITLE, "sqlalchemy_uri": database_uri})
    datasets = {name: make_dataset(superset, database, name, definition) for name, definition in DATASETS.items()}
    charts = {name: make_chart(superset, datasets, name) for name in CHARTS}
    dashboard = superset.keep("dashboard", "slug", {
        "dashboard_title": TITLE,
        "slug": SLUG,
        "published": True,
        "position_json": json.dumps(layout(charts)),
        "json_metadata": json.dumps({"native_filter_configuration": [visitor_filter(datasets["recommendations"])],
                                     "positions": layout(charts)}),
    })
    for chart in charts.values():
        superset.call("put", f"chart/{chart}", json={"dashboards": [dashboard]})
    print(f"{len(datasets)} datasets, {len(charts)} charts, 1 dashboard")


def report(passed, text):
    """A line of TAP; superset.sh counts them."""
    print(f"{'ok' if passed else 'not ok'} - {text}", flush=True)
    return bool(passed)


def check(superset):
    """Whether Superset knows all it should of every dataset, and gets data for every chart."""
    results = []
    for name, definition in DATASETS.items():
        columns = superset.call("get", f"dataset/{superset.find('dataset', 'table_name', name)}")["result"]["columns"]
        known = [column for column in columns if column["type_generic"] is not None]
        results.append(report(columns and len(known) == len(columns), f"dataset {name}: the type of every column is known"))
        if "sql" not in definition:
            described = [column for column in columns if column["description"]]
            results.append(report(len(described) == len(columns), f"dataset {name}: every column is described"))
    for name in CHARTS:
        answer = superset.call("get", f"chart/{superset.find('chart', 'slice_name', name)}/data/")["result"][0]
        results.append(report(answer["error"] is None and answer["rowcount"] > 0, f"chart {name}: {answer['rowcount']} rows"))
    on_dashboard = superset.call("get", f"dashboard/{SLUG}/charts")["result"]
    results.append(report({chart["slice_name"] for chart in on_dashboard} == set(CHARTS), "the dashboard has every chart"))
    return all(results)


def main():
    url, password_file, database_uri, action = sys.argv[1:]
    with open(password_file, encoding="utf-8") as file:
        superset = Superset(url, file.read().strip())
    if action == "make":
        make(superset, database_uri)
    elif not check(superset):
        sys.exit(1)


if __name__ == "__main__":
    main()
