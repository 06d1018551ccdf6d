"""What the page says in more than one place."""

REASONS = {
    "seen before": "The visitor had it before, and such visitors often come back to it.",
    "sequence": "Others with a history like this one went on to it.",
    "popular": "The history is empty, so the most popular items answer.",
}

NO_MODEL = "There is no model yet. Train one on the Jobs page, or with SELECT * FROM recseq_train(...)."

INTRODUCTION = """
A shop keeps a list of what each visitor put into the cart or bought. A **model** has read many thousands of such
lists and learned what tends to come next. Give it one list, and it names the items that most probably follow.

- **Score** is how probable the model holds an item to be the next one. 30 % means: about three times in ten such cases.
- **Confidence** is the item's share of the scores in the table, so these add up to 100 %.
- **Why** tells where the proposal comes from: the visitor had the item before, or the order of the items suggests it.

Nothing here changes the shop. Try things: add an item under *What if*, and watch the answer move.
"""
