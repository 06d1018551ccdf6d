"""Superset for the demo: on this machine only, all it keeps below one directory."""

import os
from pathlib import Path

HOME = Path(os.environ["SUPERSET_HOME"])

SECRET_KEY = (HOME / "secret").read_text(encoding="utf-8").strip()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME}/superset.db"

# Plain HTTP is for the loopback interface alone, which superset.sh binds to.
TALISMAN_ENABLED = False
CONTENT_SECURITY_POLICY_WARNING = False
