"""MLflow's users: sees that the installation's user has the password that the environment states now.

MLflow takes the password from its environment only when it makes the user. It looks at nobody's while it
runs, so this is a process of its own, before MLflow's server starts.
"""

from __future__ import annotations

import os


def agree(user: str, password: str) -> bool:
    """Give a user another password where MLflow knows one; tell whether it was changed."""
    from mlflow.server.auth import auth_config
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(auth_config.database_uri)  # type: ignore[no-untyped-call]  # MLflow annotates only some
    if not store.has_user(user) or store.authenticate_user(user, password):
        return False
    store.update_user(user, password=password)
    return True


if __name__ == "__main__":
    agree(os.environ["MLFLOW_AUTH_ADMIN_USERNAME"], os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"])
