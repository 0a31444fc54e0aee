"""MLflow's list of users: where it is kept.

MLflow takes the first user's name and password from the environment, but the address of the database of users
only from a file.
"""

from __future__ import annotations

TEMPLATE = """[mlflow]
default_permission = READ
database_uri = {url}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def configuration(url: str) -> str:
    """Return the file that names the database of users.

    A percent sign, as a quoted password has them, is an interpolation to who reads the file, unless doubled.

    >>> print(configuration("postgresql://a:p%40ss@db/mlflow").splitlines()[2])
    database_uri = postgresql://a:p%%40ss@db/mlflow
    """
    return TEMPLATE.format(url=url.replace("%", "%%"))
