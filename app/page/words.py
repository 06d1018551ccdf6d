"""What the page says in more than one place."""

# Reasons as recseq_recommend gives them; after "follows" and "same category as" it names an item of the history.
REASONS = {
    "seen before": "The visitor had it before, and such visitors often come back to it.",
    "follows": "Others went on to it after an item of this history.",
    "same category as": "It is in the category of an item of this history.",
    "in similar histories": "Visitors with a similar history had it.",
    "sequence": "The network holds it to be the continuation of this history.",
    "popular": "Many visitors of the shop have it.",
}


def reason_kind(reason: str) -> str:
    """The reason without the item that it names."""
    return next((kind for kind in REASONS if reason.startswith(kind)), reason)


BECAUSE = {
    "follows": "because of {}",
    "same category as": "like {}",
    "seen before": "had before",
    "in similar histories": "others like this had it",
    "sequence": "continues the history",
    "popular": "popular",
}


def because(reason: str, reason_name: str | None) -> str:
    """Why an item is there, in a few words; reason_name is what the item that the reason names is called."""
    return BECAUSE.get(reason_kind(reason), "{}").format(reason_name or reason)


NO_MODEL = "There is no model yet. Train one on the Jobs page, or with SELECT * FROM recseq_train(...)."

INTRODUCTION = """
A shop keeps a list of what each visitor put into the cart or bought. A **model** has read many thousands of such
lists and learned what tends to come next. Give it one list, and it names the items that most probably follow.

- **Score** is how probable the model holds an item to be the next one. 30 % means: about three times in ten such cases.
- **Confidence** is the item's share of the scores in the table, so these add up to 100 %.
- **Why** tells where the proposal comes from: the visitor had the item before, others went on to it, and so on.

Nothing here changes the shop. Try things: add an item under *What if*, and watch the answer move.
"""
